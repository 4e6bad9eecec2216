from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from jobs import control, queues
from jobs.exceptions import InvalidOption, InvalidState, StaleVersion, UniqueKeyTaken
from jobs.models import AuditEntry, Job, ProcessingLock
from jobs.statuses import Status
from jobs.testing import drain_jobs
from tests.jobs.rows import fail, new_job, start
from tests.jobs.states import beside, job_in, wait_until_someone_waits

pytestmark = pytest.mark.django_db

#: What each act makes of a job in each status; None where it is refused.
TABLE = {
    "cancel": {
        Status.PENDING: Status.CANCELLED,
        Status.PROCESSING: Status.PROCESSING,
        Status.COMPLETED: None,
        Status.FAILED: None,
        Status.CANCELLED: Status.CANCELLED,
        Status.DEAD_LETTER: None,
    },
    "retry": {
        Status.PENDING: Status.PENDING,
        Status.PROCESSING: None,
        Status.COMPLETED: None,
        Status.FAILED: Status.PENDING,
        Status.CANCELLED: Status.PENDING,
        Status.DEAD_LETTER: None,
    },
    "change": {
        Status.PENDING: Status.PENDING,
        Status.PROCESSING: None,
        Status.COMPLETED: None,
        Status.FAILED: None,
        Status.CANCELLED: None,
        Status.DEAD_LETTER: None,
    },
    "soft_delete": {
        Status.PENDING: Status.CANCELLED,
        Status.PROCESSING: None,
        Status.COMPLETED: Status.COMPLETED,
        Status.FAILED: Status.FAILED,
        Status.CANCELLED: Status.CANCELLED,
        Status.DEAD_LETTER: None,
    },
}


@pytest.mark.parametrize("act", TABLE)
@pytest.mark.parametrize("status", Status)
def test_every_act_on_every_status(act, status, actor):
    job = job_in(status, actor)
    before, audited = Job.objects.filter(pk=job.pk).values().get(), AuditEntry.objects.count()
    expected, how = TABLE[act][status], {"priority": 9} if act == "change" else {}
    if expected is None:
        with pytest.raises(InvalidState) as caught:
            getattr(control, act)(job.pk, actor, **how)
        assert caught.value.current == status
        assert Job.objects.filter(pk=job.pk).values().get() == before, "a refused act changes nothing"
        assert AuditEntry.objects.count() == audited
        return
    getattr(control, act)(job.pk, actor, reason="because", **how)
    job.refresh_from_db()
    assert job.status == expected
    already = act == "cancel" and status == Status.CANCELLED
    assert (job.version > before["version"]) is not already
    assert (AuditEntry.objects.count() > audited) is not already


def test_the_table_is_whole():
    assert all(set(row) == set(Status) for row in TABLE.values())


def test_an_act_says_who_what_and_why(actor):
    job = job_in(Status.PENDING, actor, priority=3)
    control.change(job.pk, actor, reason="urgent", priority=9)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_name, entry.action, entry.reason) == (actor, str(actor), "change", "urgent")
    assert (entry.target_type, entry.target_id) == ("job", str(job.pk))
    assert entry.details == {"before": {"priority": 3}, "after": {"priority": 9}}


def test_an_act_and_its_entry_stand_or_fall_together(actor):
    job = job_in(Status.PENDING, actor)
    with transaction.atomic():
        control.cancel(job.pk, actor)
        transaction.set_rollback(True)
    job.refresh_from_db()
    assert (job.status, AuditEntry.objects.count()) == (Status.PENDING, 0)


def test_cancelling_a_running_job_asks_it_once(actor):
    job = job_in(Status.PROCESSING, actor)
    first = control.cancel(job.pk, actor)
    again = control.cancel(job.pk, actor)
    assert first.cancel_requested_at == again.cancel_requested_at is not None
    assert AuditEntry.objects.count() == 1
    assert ProcessingLock.objects.filter(job=job).exists(), "its worker still holds it"


def test_retrying_begins_anew_and_keeps_the_history(actor):
    job = new_job("note", max_retries=3)
    fail(job)
    control.cancel(job.pk, actor)
    retried = control.retry(job.pk, actor)
    assert (retried.status, retried.retry_count, retried.cancel_requested_at) == (Status.PENDING, 0, None)
    assert (retried.started_at, retried.failed_at, retried.completed_at) == (None, None, None)
    assert (retried.attempt, len(retried.error_history)) == (1, 1)
    assert retried.scheduled_at <= timezone.now()


def test_retrying_a_waiting_job_makes_it_due_now(actor):
    job = new_job("note", scheduled_at=timezone.now() + timedelta(days=1), retry_count=2)
    retried = control.retry(job.pk, actor)
    assert retried.scheduled_at <= timezone.now()
    assert retried.retry_count == 2


def test_a_key_taken_meanwhile_is_said(note, actor):
    job = note.enqueue(unique_key="k").fetch()
    control.cancel(job.pk, actor)
    holder = note.enqueue(unique_key="k")
    with pytest.raises(UniqueKeyTaken, match=str(holder.id)):
        control.retry(job.pk, actor)
    control.cancel(holder.id, actor)
    assert control.retry(job.pk, actor).status == Status.PENDING
    assert control.retry(job.pk, actor).status == Status.PENDING, "its own key is no hindrance"


@pytest.mark.django_db(transaction=True)
def test_a_key_taken_in_the_same_moment_is_said(note, actor):
    job = note.enqueue(unique_key="k").fetch()
    control.cancel(job.pk, actor)
    with transaction.atomic():
        holder = note.enqueue(unique_key="k")
        result = beside(lambda: control.retry(job.pk, actor))
        wait_until_someone_waits()
    with pytest.raises(UniqueKeyTaken, match=str(holder.id)):
        result()
    job.refresh_from_db()
    assert job.status == Status.CANCELLED


def test_changes(actor):
    job = new_job("note")
    due = timezone.now() + timedelta(hours=1)
    changed = control.change(
        job.pk, actor, expected_version=job.version, priority=9, scheduled_at=due, metadata={"a": 1}
    )
    assert (changed.priority, changed.scheduled_at, changed.metadata) == (9, due, {"a": 1})
    assert changed.version == job.version + 1


def test_changing_nothing_is_no_act(actor):
    job = new_job("note")
    assert control.change(job.pk, actor).version == job.version
    assert not AuditEntry.objects.exists()


def test_a_job_is_moved_to_another_queue_with_the_lane_that_it_has_there(actor):
    job = new_job(concurrency_key="mail", concurrency_limit=2, user=actor)
    assert control.change(job.pk, actor, queue="slow").lane_key == "k:mail"
    queues.configure("fair", actor, fair=True)
    moved = control.change(job.pk, actor, reason="to the others", queue="fair")
    assert (moved.queue, moved.lane_key) == ("fair", f"u:{actor.pk}/k:mail")
    plain = new_job(user=actor, queue="fair", lane_key=f"u:{actor.pk}")
    assert control.change(plain.pk, actor, queue="slow").lane_key is None
    entry = AuditEntry.objects.filter(target_id=str(job.pk)).first()
    assert (entry.details["before"], entry.details["after"]) == ({"queue": "slow"}, {"queue": "fair"})


@pytest.mark.parametrize(("here", "there"), [("default", "lang.go"), ("lang.go", "default"), ("lang.go", "lang.node")])
def test_a_job_stays_where_the_workers_of_its_language_look(actor, here, there):
    job = new_job(queue=here)
    with pytest.raises(InvalidOption, match="queue"):
        control.change(job.pk, actor, queue=there)
    assert Job.objects.get(pk=job.pk).queue == here


def test_a_stale_version_changes_nothing(actor):
    job = new_job("note")
    control.change(job.pk, actor, priority=9)
    with pytest.raises(StaleVersion) as caught:
        control.change(job.pk, actor, expected_version=job.version, priority=1)
    assert caught.value.current == job.version + 1
    assert Job.objects.get(pk=job.pk).priority == 9


@pytest.mark.parametrize(
    "changes",
    [{"priority": 101}, {"scheduled_at": None}, {"metadata": {"a": "\x00"}}, {"status": "completed"}, {"payload": {}}],
)
def test_changes_out_of_range(changes, actor):
    job = new_job("note")
    with pytest.raises(InvalidOption):
        control.change(job.pk, actor, **changes)
    job.refresh_from_db()
    assert job.version == 1


def test_a_deleted_job_is_gone(actor):
    job = job_in(Status.COMPLETED, actor)
    control.soft_delete(job.pk, actor)
    assert not Job.objects.visible().filter(pk=job.pk).exists()
    for act in TABLE:
        with pytest.raises(Job.DoesNotExist):
            getattr(control, act)(job.pk, actor)


def test_deleting_a_waiting_job_cancels_it_first(actor):
    job = new_job("note")
    control.soft_delete(job.pk, actor, "no longer wanted")
    job.refresh_from_db()
    assert (job.status, job.is_deleted) == (Status.CANCELLED, True)
    assert sorted(AuditEntry.objects.values_list("action", "reason")) == [
        ("cancel", "no longer wanted"),
        ("delete", "no longer wanted"),
    ]


@pytest.mark.parametrize("status", [Status.PENDING, Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_what_was_deleted_is_restored_as_it_ended_and_never_runs(status, actor, note):
    job = job_in(status, actor)
    control.soft_delete(job.pk, actor)
    ended = Job.objects.get(pk=job.pk)
    assert drain_jobs(scheduled=True) == []
    restored = control.restore(job.pk, actor, "wanted again")
    assert (restored.is_deleted, restored.status, restored.result) == (False, ended.status, ended.result)
    assert Job.objects.visible().get().version == ended.version + 1
    assert drain_jobs(scheduled=True) == [], "not even then, unless somebody has it retried"
    entry = AuditEntry.objects.get(action="restore")
    assert (entry.target_id, entry.reason) == (str(job.pk), "wanted again")
    assert entry.details == {"before": {"is_deleted": True}, "after": {"is_deleted": False}}


def test_restoring_what_is_there_changes_nothing(actor):
    job = job_in(Status.COMPLETED, actor)
    assert control.restore(job.pk, actor).version == job.version
    assert not AuditEntry.objects.filter(action="restore").exists()
    with pytest.raises(Job.DoesNotExist):
        control.restore(uuid4(), actor)


@pytest.mark.parametrize(
    ("act", "status", "advice"),
    [
        ("retry", Status.DEAD_LETTER, "Redrive its dead letter instead"),
        ("soft_delete", Status.DEAD_LETTER, "Resolve or discard its dead letter first"),
        ("soft_delete", Status.PROCESSING, "Cancel it first"),
    ],
)
def test_a_refusal_says_what_to_do(act, status, advice, actor):
    job = job_in(status, actor)
    with pytest.raises(InvalidState, match=advice):
        getattr(control, act)(job.pk, actor)


@pytest.mark.django_db(transaction=True)
def test_an_act_waits_for_the_worker_that_is_writing(actor):
    """A cancel that comes while the claim commits finds the job running, and asks it to stop."""
    job = new_job("note")
    with transaction.atomic():
        start(job)
        result = beside(lambda: control.cancel(job.pk, actor))
        wait_until_someone_waits()
    cancelled = result()
    assert (cancelled.status, cancelled.cancel_requested_at is None) == (Status.PROCESSING, False)
