"""Whatever ends a job, the event is noted with it: once, and not at all if it is taken back."""

import pytest
from django.db import connection, transaction

from jobs import control, dead_letters, queues
from jobs.models import Job, WebhookEndpoint, WebhookEvent
from jobs.statuses import Status
from jobs.webhooks import capturing, endpoints
from jobs.webhooks.event_types import EVENT_TYPES, USUAL
from tests.factories import UserFactory
from tests.jobs.rows import dead_letter, fail, finish, new_job, start
from tests.jobs.states import beside

pytestmark = pytest.mark.django_db

ALL = sorted(EVENT_TYPES)


@pytest.fixture
def everything(listen):
    """An operator who wants to know it all."""
    return listen(UserFactory(role="operator"), events=ALL, everyone=True)


def noted() -> list[str]:
    return list(WebhookEvent.objects.values_list("type", flat=True))


def call(sql: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def triggers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'webhook_%' AND NOT tgisinternal")
        return {name for (name,) in cursor.fetchall()}


def test_without_an_endpoint_there_is_no_trigger_and_no_event(actor):
    assert capturing.switch()
    finish(new_job(user=actor))
    assert (triggers(), noted()) == (set(), [])


def test_triggers_are_those_that_somebody_wants(listen, actor):
    endpoint = listen(events=["dead_letter.redriven"])
    assert triggers() == {"webhook_settled_dead_letters"}
    endpoints.change(endpoint.pk, actor, events=["job.completed", "job.created"])
    capturing.switch()
    assert triggers() == {"webhook_settled_dead_letters", "webhook_job_ends", "webhook_new_jobs"}
    capturing.switch(drop=True)
    assert triggers() == {"webhook_job_ends", "webhook_new_jobs"}
    endpoints.change(endpoint.pk, actor, is_active=False)
    capturing.switch(drop=True)
    assert triggers() == set()


def test_a_life(everything, actor):
    finish(new_job(user=actor, queue="mail", tags=["a"]), {"secret": "result"})
    assert noted() == ["job.created", "job.started", "job.completed"]
    event = WebhookEvent.objects.get(type="job.completed")
    job = Job.objects.get()
    assert (event.user_id, event.job_type, event.queue) == (actor.pk, "summarize", "mail")
    assert event.data.pop("created_at")
    assert event.data.pop("started_at")
    assert event.data.pop("ended_at")
    assert event.data == {
        "job_id": str(job.pk), "type": "summarize", "status": "completed", "queue": "mail", "priority": 5,
        "tags": ["a"], "attempt": 1,
    }  # fmt: skip


def test_a_retry_is_no_end(everything):
    fail(new_job())
    assert noted() == ["job.created", "job.started"]


def test_giving_up_by_the_interface_in_sql(everything):
    dead_letter(message="token=abc at customer 7")
    assert sorted(noted()[-2:]) == ["dead_letter.opened", "job.dead_letter"]
    for event in WebhookEvent.objects.filter(type__in=noted()[-2:]):
        assert event.data["error_class"] == "ConnectionError"
        assert "customer" not in str(event.data)


@pytest.mark.parametrize(
    ("act", "job_event", "letter_event"),
    [
        (dead_letters.discard, "job.failed", "dead_letter.discarded"),
        (dead_letters.resolve, "job.completed", "dead_letter.resolved"),
        (dead_letters.redrive, None, "dead_letter.redriven"),
    ],
)
def test_acts_on_dead_letters(everything, actor, note, act, job_event, letter_event):
    letter = dead_letter(note.enqueue().fetch())
    WebhookEvent.objects.all().delete()
    act(letter.pk, actor)
    assert set(noted()) == {letter_event, *filter(None, [job_event])}
    assert len(noted()) == 1 + bool(job_event)


def test_workers_outcomes_by_the_hundred(everything):
    """As the worker records them: one statement for many."""
    made = [new_job() for _ in range(5)]
    tokens = [start(job).lock_token for job in made]
    WebhookEvent.objects.all().delete()
    keys = [job.pk for job in made]
    call("SELECT complete_jobs(%s::uuid[], %s::bigint[], %s::jsonb[])", keys[:3], tokens[:3], ["null"] * 3)
    errors = ['{"error_class": "E", "message": "m"}'] * 2
    call("SELECT dead_letter_jobs(%s::uuid[], %s::bigint[], %s::jsonb[])", keys[3:], tokens[3:], errors)
    assert sorted(noted()) == [*["dead_letter.opened"] * 2, *["job.completed"] * 3, *["job.dead_letter"] * 2]


def test_cancelling_and_its_ways(everything, actor, note):
    control.cancel(new_job().pk, actor)
    running = new_job()
    lock = start(running)
    control.cancel(running.pk, actor)
    call("SELECT cancel_jobs(%s::uuid[], %s::bigint[])", [running.pk], [lock.lock_token])
    parent = note.enqueue()
    note.using(parent=parent).enqueue()
    control.cancel(parent.id, actor)
    assert noted().count("job.cancelled") == 4


def test_sweeps(everything):
    """Nobody starts it in time; a worker that is lost for good."""
    new_job(expires_at="2026-01-01T00:00:00Z")
    call("SELECT cancel_expired_jobs(100)")
    job = new_job(max_retries=0)
    start(job)
    call("UPDATE job_processing_locks SET expires_at = now() - interval '1 hour'")
    call("SELECT count(*) FROM cleanup_expired_locks()")
    job.refresh_from_db()
    assert job.status == Status.DEAD_LETTER
    assert {"job.cancelled", "job.dead_letter", "dead_letter.opened"} <= set(noted())


def test_queues(everything, actor):
    queues.pause("mail", actor, reason="away")
    queues.pause("mail", actor, reason="still away")
    queues.resume("mail", actor)
    assert noted() == ["queue.paused", "queue.resumed"]


def test_what_is_taken_back_was_not(everything):
    with transaction.atomic():
        finish(new_job())
        transaction.set_rollback(True)
    assert noted() == []


def test_a_change_that_is_no_end_is_no_event(everything, actor):
    job = finish(new_job())
    WebhookEvent.objects.all().delete()
    control.soft_delete(job.pk, actor)
    Job.objects.filter(pk=job.pk).update(metadata={"a": 1})
    assert noted() == []


def test_only_what_is_wanted_of_whom_is_wanted(listen, actor):
    listen(events=list(USUAL), job_types=["summarize"], queues=["mail"])
    finish(new_job(user=actor, queue="mail"))
    finish(new_job(user=actor, queue="default"))
    finish(new_job("note", user=actor, queue="mail"))
    finish(new_job(user=UserFactory(), queue="mail"))
    finish(new_job(queue="mail"))
    assert noted() == ["job.completed"]


def test_deliveries_tell_nothing_of_themselves(everything):
    finish(new_job("deliver_webhook"))
    assert noted() == []


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_long_for_the_triggers(actor):
    """Where others write jobs, it gives up in a moment, and does it when they are done."""
    endpoints.create(actor, url="https://example.org/hooks", events=["job.created"])
    try:
        with transaction.atomic():
            new_job()
            assert beside(capturing.switch)() is False
            assert triggers() == set()
        assert capturing.switch() is True
        assert triggers() == {"webhook_new_jobs"}
    finally:
        WebhookEndpoint.objects.all().delete()
        assert capturing.switch(drop=True)
    assert triggers() == set()
