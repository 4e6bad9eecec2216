"""Limits under many workers at once: never more than they allow, nothing left behind, and healed after a crash."""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from jobs import lanes
from jobs.enqueue import NewJob, enqueue_many
from jobs.models import Job, ProcessingLock, Queue
from jobs.outcomes import Attempt, Completed
from jobs.recording import record
from jobs.worker import turns
from jobs.worker.claiming import Claimer
from jobs.worker.options import WorkerOptions
from tests.factories import UserFactory

#: `make storm` runs longer.
JOBS = int(os.environ.get("STORM_JOBS", "240"))
SEED = int(os.environ.get("STORM_SEED", "4"))
LIMITS = {"one": 1, "two": 2, "five": 5}
QUEUE_LIMIT = 6
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


class Running:
    """Counts what runs by key and queue, from after a claim was committed until before its outcome is."""

    def __init__(self):
        self._lock = threading.Lock()
        self.now, self.most = Counter(), Counter()

    def enter(self, names):
        with self._lock:
            self.now.update(names)
            for name in names:
                self.most[name] = max(self.most[name], self.now[name])

    def leave(self, names):
        with self._lock:
            self.now.subtract(names)


def submit(choices):
    enqueue_many([NewJob("bench_coroutine", {"n": n}, options) for n, options in enumerate(choices)])


def left():
    return Job.objects.filter(status__in=["pending", "processing"]).exists()


def in_threads(count, work):
    def closing(which):
        try:
            return work(which)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [done.result(120) for done in [pool.submit(closing, which) for which in range(count)]]


def names_of(attempts):
    return [attempt.concurrency_key for attempt in attempts if attempt.concurrency_key] + [
        f"queue {attempt.queue}" for attempt in attempts
    ]


def work_off(running, seed, by_sql):
    """Claim and complete until nothing is left, as a worker does or as one in SQL."""
    dice = random.Random(seed)
    claimer = Claimer(WorkerOptions(poll_interval=0.005, worker_id=f"w{seed}"))
    while left():
        attempts = claim_by_sql(seed) if by_sql else claimer.claim(dice.randint(1, 8))
        running.enter(names_of(attempts))
        time.sleep(dice.random() * 0.004)  # the job runs
        running.leave(names_of(attempts))
        record([(attempt, Completed(None)) for attempt in attempts])


def claim_by_sql(seed):
    with connection.cursor() as cursor:
        cursor.execute("SELECT job_id::text, lock_token FROM acquire_job_lock(%s, NULL, '1 minute', 4)", [f"sql{seed}"])
        taken = dict(cursor.fetchall())
    jobs = Job.objects.filter(pk__in=taken)
    return [attempt_of(job, taken[str(job.pk)]) for job in jobs]


def attempt_of(job, token):
    known = (str(job.pk), token, job.job_type, job.queue, job.priority, "{}", job.attempt, 0, 3, None, 0.0)
    return Attempt(*known, concurrency_key=job.concurrency_key)


def some_options(dice, users):
    key = dice.choice([None, *LIMITS])
    limits = {"concurrency_key": key, "concurrency_limit": LIMITS[key]} if key else {}
    queue, user = dice.choice(["default", "fair", "narrow"]), dice.choice([None, *users])
    return {"queue": queue, "priority": dice.choice([1, 5]), "user": user, **limits}


def test_no_limit_is_ever_exceeded():
    users = [UserFactory() for _ in range(3)]
    Queue.objects.create(name="fair", fair=True)
    Queue.objects.create(name="narrow", concurrency_limit=QUEUE_LIMIT)
    lanes.forget()
    dice = random.Random(SEED)
    submit(some_options(dice, users) for _ in range(JOBS))
    running = Running()
    in_threads(6, lambda which: work_off(running, which, by_sql=which >= 4))
    assert Job.objects.filter(status="completed").count() == JOBS
    for key, limit in LIMITS.items():
        assert running.most[key] <= limit
    assert running.most["queue narrow"] <= QUEUE_LIMIT
    # They ran side by side as far as they may, or the storm would prove nothing.
    assert running.most["two"] == 2
    assert running.most["queue default"] > 5
    assert not ProcessingLock.objects.exists()


def test_limits_heal_after_workers_have_died():
    submit([{"queue": "default", "concurrency_key": "k", "concurrency_limit": 2}] * 20)

    def die(which):
        Claimer(WorkerOptions(lock_duration=0.001, worker_id=f"dead{which}")).claim(5)

    in_threads(4, die)
    assert ProcessingLock.objects.filter(concurrency_key="k").count() == 2
    claimer = Claimer(WorkerOptions(poll_interval=0.001))
    assert claimer.claim(5) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT cleanup_expired_locks()")
        assert cursor.fetchone() == (2,)
    attempts = claimer.claim(5)
    assert len(attempts) == 2
    done = 0
    while attempts:
        done += len(attempts)
        record([(attempt, Completed(None)) for attempt in attempts])
        attempts = claimer.claim(5)
    # The two that were rescued wait for their back-off.
    assert done == 18


@pytest.mark.parametrize("of_queue", [True, False], ids=["of a queue", "of a key"])
def test_no_window_holds_more_starts_than_a_rate_allows(of_queue):
    starts, window = 6, timedelta(seconds=1)
    if of_queue:
        Queue.objects.create(name="default", rate_limit="6/s")
    options = {"queue": "default"} if of_queue else {"queue": "default", "concurrency_key": "k", "rate_limit": "6/s"}
    submit([options] * 15)

    def claim(which):
        claimer = Claimer(WorkerOptions(poll_interval=60.0, worker_id=f"w{which}"))
        while Job.objects.filter(status="pending").exists():
            if not claimer.claim(4):
                time.sleep(min(0.05, claimer.idle_seconds()))  # as the worker's loop does

    began = time.monotonic()
    in_threads(3, claim)
    assert 2.0 < time.monotonic() - began < 20
    times = sorted(Job.objects.values_list("started_at", flat=True))
    assert len(times) == 15
    for first, after in zip(times, times[starts:], strict=False):
        assert after - first > window


def test_two_workers_give_a_second_user_a_share_of_their_next_batch(monkeypatch):
    monkeypatch.setattr(turns, "CHEAP_SECONDS", 60.0)
    Queue.objects.create(name="default", fair=True)
    lanes.forget()
    flood, small = UserFactory(), UserFactory()
    submit([{"queue": "default", "user": flood}] * 300)
    workers = [Claimer(WorkerOptions(poll_interval=60.0, worker_id=f"w{which}")) for which in range(2)]
    for worker in workers:
        assert len(worker.claim(20)) == 20
    submit([{"queue": "default", "user": small}])
    (theirs,) = Job.objects.filter(user=small)
    for worker in workers:
        worker.announced(("default", 5))
    assert str(theirs.pk) in [attempt.id for attempt in workers[1].claim(20)]
    assert str(theirs.pk) not in [attempt.id for attempt in workers[0].claim(20)]


def test_a_lane_that_is_busy_keeps_its_place(connect):
    """Its first job must not be stepped over because a lane before it has moved on."""
    submit([{"queue": "default", "concurrency_key": "k"}, {"queue": "default", "concurrency_key": "free"}])
    connect(autocommit=False).execute("SELECT pg_advisory_xact_lock(hashtextextended('k:k', 0))")
    lanes = {name: turns.KeyedLane(turns.KEYS, (LONG_AGO, turns.LOWEST)) for name in ("k:free", "k:k")}
    words, rows = turns.take(("default", 5), 5, 5, lanes, WorkerOptions())
    assert len(rows) == 1
    assert [(name, word, last_at is None) for name, word, _, last_at, _ in words] == [
        ("k:free", "full", False),
        ("k:k", "busy", True),
    ]


def test_a_claim_does_not_wait_for_a_key_that_another_is_claiming(connect):
    submit([{"queue": "default", "concurrency_key": "k"}, {"queue": "default", "concurrency_key": "free"}])
    other = connect(autocommit=False)
    other.execute("SELECT pg_advisory_xact_lock(hashtextextended('k:k', 0))")
    ours = Claimer(WorkerOptions(poll_interval=60.0))
    assert [attempt.concurrency_key for attempt in ours.claim(5)] == ["free"]
    assert ours.idle_seconds() < 0.1
    other.rollback()
    deadline = time.monotonic() + 10
    while not (attempts := ours.claim(5)) and time.monotonic() < deadline:
        time.sleep(ours.idle_seconds())
    assert [attempt.concurrency_key for attempt in attempts] == ["k"]
