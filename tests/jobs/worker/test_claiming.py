"""The claim cursor: where it scans from, when it looks at everything, what it gives back."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import Job, ProcessingLock
from jobs.outcomes import Completed
from jobs.recording import record
from jobs.worker.claiming import Claimer
from jobs.worker.options import WorkerOptions

pytestmark = pytest.mark.django_db
LANE = ("default", 5)


def submit(count=1, **fields):
    return [str(Job.objects.create(job_type="kind", **fields).pk) for _ in range(count)]


def claim_all(claimer, limit=10):
    found = []
    while attempts := claimer.claim(limit):
        assert record([(attempt, Completed(None)) for attempt in attempts]) == []
        found += [attempt.id for attempt in attempts]
    return found


def claimer(**options):
    return Claimer(WorkerOptions(**{"poll_interval": 3600.0, **options}))


def test_jobs_are_claimed_in_order_from_where_the_last_claim_ended():
    jobs = submit(25)
    ours = claimer()
    assert [attempt.id for attempt in ours.claim(10)] == jobs[:10]
    assert ours.lanes[LANE].after[0] == Job.objects.get(pk=jobs[9]).scheduled_at
    assert claim_all(ours) == jobs[10:]


def test_an_announced_job_is_claimed_without_a_look_at_all_lanes():
    ours = claimer()
    submit()
    claim_all(ours)
    (job,) = submit()
    ours.announced(LANE)
    ours._look_due = time.monotonic() + 60
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert [attempt.id for attempt in ours.claim(1)] == [job]
    assert not any("RECURSIVE" in query["sql"] for query in queries)


def test_what_lies_behind_the_cursor_is_found_by_a_look():
    ours = claimer()
    submit(3)
    claim_all(ours)
    earlier = Job.objects.create(job_type="kind", scheduled_at="2020-01-01T00:00:00Z")
    ours.look_soon()
    assert claim_all(ours) == [str(earlier.pk)]


def test_a_job_announced_late_is_looked_for_as_far_back_as_it_is_old():
    ours = claimer()
    late = Job.objects.create(job_type="kind", queue="elsewhere")
    submit(3)
    claim_all(claimer(queues=("default",)))
    claim_all(ours)
    Job.objects.filter(pk=late.pk).update(queue="default", status="pending", started_at=None, completed_at=None)
    ours._look_due = time.monotonic() + 60
    ours.announced(LANE, age=60.0)
    assert [attempt.id for attempt in ours.claim(1)] == [str(late.pk)]


def test_urgent_lanes_come_first_and_foreign_queues_never():
    low, high = submit(priority=1)[0], submit(priority=9)[0]
    submit(queue="foreign")
    ours = claimer(queues=("default",))
    ours.announced(("foreign", 5))
    assert claim_all(ours, 1) == [high, low]


def test_a_claim_whose_answer_was_lost_is_given_back_uncharged(monkeypatch):
    first, second = submit(2)
    ours = claimer()
    ours.claim(1)
    run = ours._run

    def lost(*arguments):
        run(*arguments)
        raise OperationalError("the answer was lost")

    monkeypatch.setattr(ours, "_run", lost)
    with pytest.raises(OperationalError):
        ours.claim(1)
    assert Job.objects.get(pk=second).status == "processing"
    monkeypatch.undo()
    assert [(attempt.id, attempt.number) for attempt in ours.claim(1)] == [(second, 1)]
    assert ProcessingLock.objects.filter(job_id=first).exists()


def test_a_claim_that_fails_half_way_runs_what_it_has_committed(monkeypatch):
    urgent, _ = submit(priority=9)[0], submit(priority=1)
    ours = claimer()
    run = ours._run

    def failing(values, limit):
        if values["priority"] == 1:
            raise OperationalError("gone")
        return run(values, limit)

    monkeypatch.setattr(ours, "_run", failing)
    monkeypatch.setattr("jobs.worker.claiming.connection.close", lambda: None)
    assert [attempt.id for attempt in ours.claim(10)] == [urgent]


def test_waiting_asks_for_what_this_worker_may_claim():
    submit(queue="paused")
    connection.cursor().execute("INSERT INTO job_queues (name, paused) VALUES ('paused', true)")
    Job.objects.create(job_type="other")
    assert not claimer(job_types=("kind",)).waiting()
    submit()
    assert claimer(job_types=("kind",)).waiting()


def test_looks_get_rarer_where_they_are_dear():
    ours = claimer()
    submit()
    claim_all(ours)
    ours._look_seconds, ours._looked_at = 0.1, time.monotonic()
    ours._look_due = time.monotonic() + 3600
    ours._look_again()
    assert 4 < ours._look_due - time.monotonic() <= 5


def test_jobs_of_other_languages_wait_for_their_own_workers():
    (ours_to_do,) = submit()
    (theirs,) = submit(queue="lang.node")
    ours = claimer()
    assert claim_all(ours) == [ours_to_do]
    ours.announced(("lang.node", 5))
    assert claim_all(ours) == []
    assert not ours.waiting()
    assert claim_all(claimer(queues=("lang.node",))) == [theirs]


def test_an_attempt_knows_whose_job_it_is_and_how_long_it_waited():
    job = Job.objects.create(job_type="kind", request_id="r-1", scheduled_at=timezone.now() - timedelta(seconds=30))
    (attempt,) = claimer().claim(1)
    assert (attempt.id, attempt.request_id, attempt.user_id) == (str(job.pk), "r-1", None)
    assert 29 < attempt.waited < 90
