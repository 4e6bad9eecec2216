"""Corners of the SQL functions that the worker in psql does not come to."""

import json
from datetime import UTC, datetime

import pytest
from django.db import connection

from jobs import control
from jobs.models import DeadLetter, Job, ProcessingLock, Worker
from jobs.models.columns import ClockTimestamp
from jobs.statuses import Status
from tests.jobs.rows import fail, new_job, start

pytestmark = pytest.mark.django_db


def call(sql, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", arguments)
        return cursor.fetchall()


def fingerprint(job_type="t", **error):
    ((found,),) = call("error_fingerprint(%s, %s::jsonb)", job_type, json.dumps(error))
    return found


SAME = [
    ("no user 5", "no user 6012"),
    ("row 018f3c1e-0000-7000-8000-000000000001 is bad", "row 018F3C1E-ffff-7000-8000-00000000000a is bad"),
    ("<object at 0x7f8854fd31d0>", "<object at 0x7f0>"),
    ("commit da39a3ee5e6b4b0d3255bfef95601890afd80709", "commit 0000a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("took 0.25 s", "took 1.5 s"),
    (f"id 9 of {'x' * 600}", f"id 10000 of {'x' * 600}"),
    (f"{'1, ' * 100}is too much", f"{'234, ' * 100}is too much"),
    ("記事 12 がありません", "記事 345 がありません"),
    (None, None),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_error_with_other_ids(one, other):
    assert fingerprint(error_class="E", message=one) == fingerprint(error_class="E", message=other)


@pytest.mark.parametrize(
    "other",
    [
        {"job_type": "u", "error_class": "E", "message": "m", "frame": "f"},
        {"error_class": "F", "message": "m", "frame": "f"},
        {"error_class": "E", "message": "n", "frame": "f"},
        {"error_class": "E", "message": "m", "frame": "g"},
        {"error_class": "E", "message": "m"},
    ],
)
def test_other_errors(other):
    assert fingerprint(error_class="E", message="m", frame="f") != fingerprint(**other)


def test_a_history_keeps_its_last_fifty_errors():
    job = new_job(max_retries=100)
    for number in range(1, 53):
        fail(job, message=f"error {number}")
    assert [error["attempt"] for error in job.error_history] == list(range(3, 53))
    fail(job, retryable=False)
    assert len(DeadLetter.objects.get().error_history) == 50


@pytest.mark.parametrize("outcome", ["retry", "dead letter", "given back"])
def test_a_job_asked_to_cancel_ends_there(outcome, actor):
    job = new_job()
    lock = start(job)
    control.cancel(job.pk, actor)
    ids, tokens, errors = [str(job.pk)], [lock.lock_token], ['{"message": "m"}']
    if outcome == "retry":
        call("retry_jobs(%s::uuid[], %s::bigint[], '{0}', %s::jsonb[], '{true}')", ids, tokens, errors)
    elif outcome == "dead letter":
        call("dead_letter_jobs(%s::uuid[], %s::bigint[], %s::jsonb[])", ids, tokens, errors)
    else:
        call("release_jobs(%s::uuid[], %s::bigint[])", ids, tokens)
    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    assert not DeadLetter.objects.exists()
    assert not ProcessingLock.objects.exists()


def test_what_succeeds_after_all_is_completed(actor):
    job = new_job()
    lock = start(job)
    control.cancel(job.pk, actor)
    assert call("complete_job(%s, %s)", job.pk, lock.lock_token) == [(True,)]
    job.refresh_from_db()
    assert job.status == Status.COMPLETED


def test_a_silent_worker_is_lost_before_its_locks_end():
    jobs = [new_job() for _ in range(2)]
    for job, worker in zip(jobs, ("silent", "alive"), strict=True):
        Worker.objects.create(id=worker, hostname="h", pid=1, concurrency=1)
        start(job, worker)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job_workers SET heartbeat_at = clock_timestamp() - interval '1 minute' WHERE id = 'silent'"
        )
    assert call("cleanup_expired_locks()") == [(0,)]
    assert call("cleanup_expired_locks('30 seconds')") == [(1,)]
    assert ProcessingLock.objects.get().job == jobs[1]


def test_no_more_than_the_limit_are_rescued_at_once():
    for _ in range(5):
        start(new_job())
    ProcessingLock.objects.update(expires_at=ClockTimestamp())
    assert [call("cleanup_expired_locks(NULL, 2)")[0][0] for _ in range(4)] == [2, 2, 1, 0]


def test_a_running_job_without_a_lock_is_found():
    """Someone deleted the lock rows. Those that have to wait for their turn can be shown meanwhile."""
    for _ in range(2):
        start(new_job())
    Job.objects.update(started_at=datetime(2026, 1, 1, tzinfo=UTC))
    ProcessingLock.objects.all().delete()
    assert call("cleanup_expired_locks(NULL, 2)") == [(2,)]
    assert set(Job.objects.values_list("status", flat=True)) == {"pending"}
    for _ in range(2):
        start(new_job())
    Job.objects.filter(status="processing").update(started_at=datetime(2026, 1, 1, tzinfo=UTC))
    ProcessingLock.objects.all().delete()
    start(new_job(), "expired")
    ProcessingLock.objects.filter(worker_id="expired").update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    call("cleanup_expired_locks(NULL, 1)")
    assert all(lock.expires_at for lock in ProcessingLock.objects.all())


def test_a_job_that_began_a_moment_ago_is_left_alone():
    """Its lock may be on its way."""
    start(new_job())
    ProcessingLock.objects.all().delete()
    assert call("cleanup_expired_locks()") == [(0,)]


def test_a_lock_without_a_running_job_guards_nothing():
    job = new_job()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO job_processing_locks (job_id, worker_id, expires_at) VALUES (%s, 'w', 'epoch')", [job.pk]
        )
    assert call("cleanup_expired_locks()") == [(0,)]
    assert not ProcessingLock.objects.exists()


def test_a_stale_lock_row_is_replaced_by_a_claim():
    job = new_job()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO job_processing_locks (job_id, worker_id, expires_at) VALUES (%s, 'w', 'epoch')", [job.pk]
        )
    stale = ProcessingLock.objects.get().lock_token
    lock = start(job, "new")
    assert (lock.worker_id, lock.lock_token > stale) == ("new", True)


def test_a_batch_is_counted_over_all_queues():
    for queue in ("a", "b"):
        for priority in (1, 9):
            new_job("t", queue=queue, priority=priority)
    claimed = call("queue, priority FROM acquire_job_lock('w', '{t}', '1 minute', 3)")
    assert len(claimed) == 3
    assert claimed[0][1] == 9


def test_outcomes_of_a_job_that_is_not_there():
    nobody = "018f0000-0000-7000-8000-000000000000"
    assert call("fail_job(%s, 1, 'E', 'm')", nobody) == [(None,)]
    assert call("complete_job(%s, 1), renew_job_lock(%s, 1)", nobody, nobody) == [(False, False)]


def test_a_batch_of_outcomes_is_fenced_one_by_one():
    jobs = [new_job() for _ in range(3)]
    locks = [start(job) for job in jobs]
    tokens = [locks[0].lock_token, locks[1].lock_token + 1_000, locks[2].lock_token]
    done = call(
        "complete_jobs(%s::uuid[], %s::bigint[], %s::jsonb[])", [str(job.pk) for job in jobs], tokens, ["1", "2", None]
    )
    assert {job_id for (job_id,) in done} == {jobs[0].pk, jobs[2].pk}
    for job in jobs:
        job.refresh_from_db()
    assert [(job.status, job.result) for job in jobs] == [("completed", 1), ("processing", None), ("completed", None)]
