"""Jobs, queues and workers in trouble: found, and gone when the advice was followed."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from jobs import chores, queues
from jobs.context import Context
from jobs.dead_letters import discard
from jobs.doctor.findings import Severity
from jobs.drafts import After
from jobs.enqueue import enqueue
from jobs.languages import QUEUE_PREFIX
from jobs.models import (
    Chore,
    DeadLetter,
    Dependency,
    Job,
    ProcessingLock,
    ProviderState,
    Queue,
    Schedule,
    WebhookEndpoint,
    WebhookEvent,
    Worker,
)
from jobs.models.dependency import ReleaseCheck
from jobs.releasing import release_waiting
from jobs.webhooks import endpoints
from jobs.worker.counting import Counts
from jobs.worker.hand import Hand
from jobs.worker.heartbeat import Heartbeat
from jobs.worker.options import WorkerOptions
from tests.factories import UserFactory
from tests.jobs.doctor.looking import follow, trouble, troubles
from tests.jobs.rows import dead_letter, finish, new_job, start

pytestmark = pytest.mark.django_db


def worker(name: str = "w", **fields) -> Worker:
    return Worker.objects.create(id=name, **{"hostname": "h", "pid": 1, "concurrency": 5, **fields})


def ago(**length):
    return Now() - timedelta(**length)


def test_a_healthy_queue_has_no_troubles():
    worker()
    finish(new_job())
    start(new_job(), "w")
    names = ("workers", "locks", "queues", "paused", "job_types", "waiting", "dead_letters", "schedules", "chores")
    assert [finding for name in names for finding in troubles(name)] == []


def test_due_jobs_without_a_worker():
    new_job()
    found = trouble("workers")
    assert found.severity is Severity.CRITICAL and "1 jobs are due" in found.what
    worker()
    assert troubles("workers") == []


def test_a_worker_that_fell_silent_with_jobs_in_hand():
    worker("gone", heartbeat_at=ago(minutes=5))
    worker()
    start(new_job(), "gone")
    found = trouble("workers")
    assert "gone was last heard of 5 minutes ago" in found.what
    follow(found)
    assert troubles("workers") == []


def test_locks_that_ran_out():
    start(new_job())
    ProcessingLock.objects.update(expires_at=ago(minutes=5))
    found = trouble("locks")
    assert "1 locks ran out up to 5 minutes ago" in found.what and found.severity is Severity.WARN
    _call("SELECT cleanup_expired_locks();")
    assert "SELECT cleanup_expired_locks();" in found.advice and troubles("locks") == []


def test_jobs_in_processing_without_a_lock():
    job = new_job()
    start(job)
    ProcessingLock.objects.all().delete()
    Job.objects.update(started_at=ago(minutes=5))
    assert "1 jobs are in processing without a lock" in trouble("locks").what
    _call("SELECT cleanup_expired_locks();")
    assert troubles("locks") == []


def test_locks_without_a_running_job():
    ProcessingLock.objects.create(job=new_job(), worker_id="w", locked_at=ago(minutes=5), expires_at=ago(seconds=5))
    assert "1 locks are of jobs that do not run" in trouble("locks").what
    _call("SELECT cleanup_expired_locks();")
    assert troubles("locks") == []


def test_a_queue_that_nobody_listens_to():
    worker(queues=["mail"])
    new_job(queue="images", scheduled_at=ago(minutes=5))
    found = trouble("queues")
    assert found.severity is Severity.CRITICAL and "in the queue images, the oldest for 5 minutes" in found.what
    assert found.advice == "manage.py runworker --queues images"
    worker("second", queues=["images"])
    assert troubles("queues") == []


def test_a_queue_whose_workers_do_not_keep_up():
    worker()
    new_job(scheduled_at=ago(hours=1))
    assert "do not keep up" in trouble("queues").what
    queues.pause("default", None)
    assert troubles("queues") == []


def test_a_queue_of_another_language_without_workers():
    worker()
    new_job(queue=f"{QUEUE_PREFIX}node", scheduled_at=ago(hours=1))
    found = trouble("queues")
    assert "no worker of its language" in found.what and "docs/workers.md" in found.advice


def test_a_queue_left_paused():
    queues.pause("mail", None, "the provider is down")
    assert troubles("paused") == []
    Queue.objects.update(paused_at=ago(hours=5))
    assert "mail has been paused for 5 hours (the provider is down)" in trouble("paused").what
    queues.resume("mail", None)
    assert troubles("paused") == []


def test_job_types_that_nobody_handles(register):
    def forgotten(ctx: Context) -> None:
        pass

    new_job("forgotten", payload={})
    assert "1 jobs of the type forgotten wait, and no handler" in trouble("job_types").what
    register("forgotten", forgotten)
    assert troubles("job_types") == []
    worker(job_types=["summarize"])
    found = trouble("job_types")
    assert "every worker leaves it out" in found.what and found.advice.endswith("--job-types forgotten")


def test_jobs_that_wait_for_what_has_ended(note):
    first = enqueue("note", {})
    waiting = enqueue("note", {}, depends_on=[After(first.id)])
    Job.objects.filter(pk=waiting.id).update(scheduled_at=ago(minutes=5))
    release_waiting()
    assert troubles("waiting") == []
    finish(Job.objects.get(pk=first.id))
    assert "1 jobs wait for others that have all ended" in trouble("waiting").what
    assert Dependency.objects.get().status == "met" and ReleaseCheck.objects.exists()
    _call("SELECT * FROM release_waiting_jobs();")
    assert troubles("waiting") == []


def test_dead_letters_that_pile_up(monkeypatch):
    monkeypatch.setattr("jobs.doctor.dead_letters.HOURLY", (2.0, 3.0))
    dead_letter()
    assert troubles("dead_letters") == []
    dead_letter()
    found = trouble("dead_letters")
    assert "2 dead letters came in the last hour, the latest of summarize (ConnectionError, 2 alike)" in found.what
    dead_letter()
    assert trouble("dead_letters").severity is Severity.CRITICAL
    for letter in DeadLetter.objects.open():
        discard(letter.pk, None)
    assert troubles("dead_letters") == []


def test_dead_letters_that_nobody_looks_at():
    dead_letter()
    DeadLetter.objects.update(moved_at=ago(days=9))
    assert "the oldest for 9 days" in trouble("dead_letters").what


def test_a_schedule_that_did_not_fire():
    interval = {"type": "timedelta", "seconds": 60}
    Schedule.objects.create(name="nightly", job_type="note", schedule_interval=interval, next_run_at=ago(hours=3))
    assert "nightly should have fired 3 hours ago" in trouble("schedules").what
    Schedule.objects.update(next_run_at=Now() + timedelta(minutes=1))
    assert troubles("schedules") == []


def test_chores_that_fail_or_are_not_done():
    name = next(iter(chores.chores))
    Chore.objects.update_or_create(name=name, defaults={"due_at": ago(hours=2), "error_message": "no room"})
    failed, late = troubles("chores")
    assert f"The chore {name} failed" in failed.what and "no room" in failed.what
    assert f"1 chores are not done ({name}), the first of them is due for 2 hours" in late.what
    Chore.objects.update(due_at=Now(), error_message="")
    assert troubles("chores") == []


def test_a_provider_whose_circuit_is_open():
    ProviderState.objects.create(
        name="groq", failures=5, open_until=Now() + timedelta(minutes=5), last_error_code="500"
    )
    assert "groq failed 5 times (500)" in trouble("providers").what
    ProviderState.objects.update(open_until=F("open_until") - timedelta(hours=1))
    assert troubles("providers") == []


def test_clocks_of_worker_hosts():
    worker(hostname="fast", clock_offset=5.0)
    worker("b", hostname="slow", clock_offset=-90.0)
    worker("c", hostname="right", clock_offset=0.01)
    fast, slow = troubles("clocks")
    assert "host fast is 5.0 seconds ahead of" in fast.what and fast.severity is Severity.WARN
    assert "host slow is 90.0 seconds behind" in slow.what and slow.severity is Severity.CRITICAL
    Worker.objects.update(clock_offset=0)
    assert troubles("clocks") == []


def test_workers_of_different_releases():
    worker("a", hostname="one", release="0123abcd")
    worker("b", hostname="two", release="4567cdef")
    assert "2 different releases (0123abcd on one; 4567cdef on two)" in trouble("releases").what
    Worker.objects.update(release="4567cdef")
    assert "the code here is" in trouble("releases").what


def test_a_worker_says_its_clock_and_its_release():
    def never(attempt) -> None:
        raise AssertionError("nothing runs")

    Heartbeat(WorkerOptions(worker_id="w"), Hand(), Counts(), never, never).beat()
    beating = Worker.objects.get(pk="w")
    # The same machine, so the same clock.
    assert beating.clock_offset is not None and abs(beating.clock_offset) < 1
    assert troubles("releases") == [] and troubles("clocks") == []


def test_more_connections_wanted_than_there_are():
    worker(concurrency=100_000)
    assert "may open up to 100006 connections" in trouble("connections").what
    Worker.objects.all().delete()
    assert troubles("connections") == []


def test_the_embedded_help_is_complete(capsys):
    with pytest.raises(SystemExit):
        call_command("doctor", "--help")
    assert "dead_letters" in capsys.readouterr().out


def _call(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.rstrip(";"))


def test_webhooks_that_do_not_get_through():
    given = {"url": "https://hooks.example.org/", "events": ["job.failed"], "description": "the pager"}
    endpoint = endpoints.create(UserFactory(), **given)
    WebhookEndpoint.objects.update(failing_since=ago(minutes=50))
    assert troubles("webhooks") == []
    WebhookEndpoint.objects.update(failing_since=ago(hours=5))
    assert "the webhook endpoint the pager for 5 hours" in trouble("webhooks").what
    WebhookEndpoint.objects.update(is_active=False, disabled_at=ago(hours=1), disabled_reason="It answered 410 Gone.")
    found = trouble("webhooks")
    assert "was disabled. It answered 410 Gone." in found.what and str(endpoint.pk) in found.advice
    WebhookEndpoint.objects.update(disabled_at=ago(days=8))
    assert troubles("webhooks") == []
    WebhookEvent.objects.create(type="job.failed", at=ago(minutes=10), data={})
    assert "Events for webhooks have waited for 10 minutes" in trouble("webhooks").what
