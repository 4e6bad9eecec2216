"""Claiming by turns: limits of keys and queues, users who take turns, and what it costs to pass what is blocked."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import lanes, queues
from jobs.enqueue import NewJob, enqueue_many
from jobs.models import Job, ProcessingLock, Queue
from jobs.outcomes import Completed
from jobs.recording import record
from jobs.worker import turns
from jobs.worker.claiming import Claimer
from jobs.worker.options import WorkerOptions
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def claimer(**options):
    return Claimer(WorkerOptions(**{"poll_interval": 3600.0, **options}))


def submit(count=1, **options):
    return submit_each([options] * count)


def submit_each(choices):
    """Submit a job for each of these options, to the default queue unless they say otherwise."""
    new_jobs = [NewJob("bench_coroutine", {"n": 1}, {"queue": "default", **options}) for options in choices]
    return [str(each.id) for each in enqueue_many(new_jobs)]


def end(ours, attempts):
    assert record([(attempt, Completed(None)) for attempt in attempts]) == []
    ours.room_made({(attempt.queue, attempt.concurrency_key) for attempt in attempts if attempt.limited})


def ids(attempts):
    return [attempt.id for attempt in attempts]


def rule(name="default", **fields):
    Queue.objects.update_or_create(name=name, defaults=fields)
    lanes.forget()


def test_one_job_of_a_key_runs_at_a_time_and_the_next_when_it_has_ended():
    jobs = submit(3, concurrency_key="tenant")
    ours = claimer()
    for job in jobs:
        attempts = ours.claim(10)
        assert ids(attempts) == [job]
        assert (attempts[0].concurrency_key, attempts[0].limited) == ("tenant", True)
        assert ours.claim(10) == []
        end(ours, attempts)
    assert ours.claim(10) == []


def test_a_limit_holds_across_workers_queues_and_priorities():
    submit(5, concurrency_key="k", concurrency_limit=3)
    submit(5, concurrency_key="k", concurrency_limit=3, queue="other", priority=9)
    submit(5, concurrency_key="another", concurrency_limit=2)
    ours, theirs = claimer(), claimer()
    claimed = ours.claim(100) + theirs.claim(100)
    assert sorted(attempt.concurrency_key for attempt in claimed) == ["another"] * 2 + ["k"] * 3
    assert ProcessingLock.objects.filter(concurrency_key="k").count() == 3


def test_jobs_of_one_key_may_have_different_limits():
    (first,) = submit(concurrency_key="k", concurrency_limit=5)
    (narrow,) = submit(concurrency_key="k", concurrency_limit=1)
    (wide,) = submit(concurrency_key="k", concurrency_limit=5)
    ours = claimer()
    running = ours.claim(10)
    assert ids(running) == [first]
    end(ours, running)
    running = ours.claim(10)
    assert ids(running) == [narrow]
    end(ours, running)
    assert ids(ours.claim(10)) == [wide]


def test_open_and_keyed_jobs_of_one_priority_share_a_claim():
    submit(50)
    submit(50, concurrency_key="k", concurrency_limit=100)
    ours = claimer()
    claimed = [attempt.concurrency_key for attempt in ours.claim(20)]
    assert (claimed.count("k"), claimed.count(None)) == (10, 10)
    assert len(ours.claim(100)) == 80


def test_urgent_lanes_come_first():
    (late,) = submit(concurrency_key="a", priority=2)
    (urgent,) = submit(concurrency_key="b", priority=9)
    (open_one,) = submit(priority=5)
    assert ids(claimer().claim(10)) == [urgent, open_one, late]


def test_a_job_in_the_future_waits_for_its_time_and_holds_up_no_other():
    submit(concurrency_key="a", delay=3600)
    (now,) = submit(concurrency_key="b")
    ours = claimer()
    assert ids(ours.claim(10)) == [now]
    assert 3000 < ours.idle_seconds() <= 3600


def test_many_keys_are_claimed_page_by_page():
    submit_each([{"concurrency_key": f"k{n}"} for n in range(1200)])
    ours = claimer()
    found = set()
    while attempts := ours.claim(100):
        found |= set(ids(attempts))
    assert len(found) == 1200


def test_blocked_keys_are_passed_and_come_back():
    ours = claimer()
    submit(600, concurrency_key="z")
    submit_each([{"concurrency_key": f"k{n % 300}"} for n in range(600)])
    first = ours.claim(1000)
    assert len(first) == 301
    assert ours.claim(1000) == []
    end(ours, first)
    ours.look_soon()
    assert len(ours.claim(1000)) == 301


def test_users_of_a_fair_queue_share_each_claim(monkeypatch):
    # However slow the machine: lists that take long wait until they are paid off.
    monkeypatch.setattr(turns, "CHEAP_SECONDS", 60.0)
    rule(fair=True)
    flood, small = UserFactory(), UserFactory()
    submit(500, user=flood)
    ours = claimer()
    assert len(ours.claim(20)) == 20
    (job,) = submit(user=small)
    ours.announced(("default", 5))
    assert job in ids(ours.claim(20))


def test_one_user_with_many_keys_has_one_share():
    rule(fair=True)
    flood, small = UserFactory(), UserFactory()
    submit_each([{"concurrency_key": f"k{n}", "user": flood} for n in range(600)])
    theirs = submit(30, user=small)
    claimed = ids(claimer().claim(40))
    assert set(theirs[:20]) <= set(claimed)
    assert len(claimed) == 40


def test_jobs_submitted_before_a_queue_was_fair_have_a_share_too():
    user = UserFactory()
    before = submit(10, user=user)
    rule(fair=True)
    after = submit(10, user=user)
    claimed = ids(claimer().claim(10))
    assert (len(set(claimed) & set(before)), len(set(claimed) & set(after))) == (5, 5)


def test_a_queue_with_a_limit_runs_so_many_whatever_their_lanes():
    rule(concurrency_limit=4)
    submit(5)
    submit(5, concurrency_key="k", concurrency_limit=5)
    ours, theirs = claimer(), claimer()
    running = ours.claim(3) + theirs.claim(3)
    assert len(running) == 4
    assert all(attempt.limited for attempt in running)
    assert ours.claim(3) == []
    end(ours, running[:2])
    assert len(ours.claim(3)) == 2


def test_a_paused_queue_gives_nothing_in_any_lane(actor):
    submit(2)
    submit(2, concurrency_key="k", concurrency_limit=5)
    ours = claimer()
    assert len(ours.claim(1)) == 1
    queues.pause("default", actor)
    assert ours.claim(10) == []
    ours.look_soon()
    assert ours.claim(10) == []
    # Nor to a worker that was started since.
    assert claimer().claim(10) == []
    queues.resume("default", actor)
    ours.look_soon()
    assert len(ours.claim(10)) == 3


def test_an_expired_job_is_cancelled_instead_of_started():
    past = timezone.now() - timedelta(minutes=1)
    open_one, keyed = submit(expires_at=past) + submit(expires_at=past, concurrency_key="k")
    (retried,) = submit(expires_at=past)
    Job.objects.filter(pk=retried).update(attempt=1)
    assert ids(claimer().claim(10)) == [retried]
    for job in Job.objects.filter(pk__in=[open_one, keyed]):
        assert (job.status, job.attempt, job.started_at) == ("cancelled", 0, None)
        assert job.error_message == f"It expired: it had not started by {past:%Y-%m-%dT%H:%M:%SZ}."


def test_what_is_switched_off_costs_no_statement():
    ours = claimer()
    submit(20)
    ours.claim(5)
    with CaptureQueriesContext(connection) as sent:
        ours.claim(5)
    assert len(sent) == 1


def test_a_blocked_key_is_not_walked():
    submit(2_000, concurrency_key="k")
    submit(100)
    ours = claimer()
    ours.claim(1)
    ours.claim(1)
    with CaptureQueriesContext(connection) as sent:
        assert len(ours.claim(10)) == 10
    assert sum("start_jobs" in each["sql"] for each in sent) == 1
    assert sum("claim_lanes" in each["sql"] for each in sent) == 0
