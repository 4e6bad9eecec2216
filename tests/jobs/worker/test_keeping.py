"""Where a worker keeps results: with the outcome, and before anybody can see that the job has ended."""

from typing import Any

import pytest
from django.core.cache import cache

from jobs import result_cache
from jobs.enqueue import enqueue
from jobs.models import Job
from jobs.outcomes import Completed
from jobs.statuses import Status
from jobs.worker import recorder
from jobs.worker.child import Child
from jobs.worker.claiming import Claimer
from jobs.worker.counting import Counts
from jobs.worker.hand import Hand
from jobs.worker.options import WorkerOptions
from jobs.worker.recorder import Recorder
from jobs.worker.threads import ThreadSlots

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Any:
    yield Recorder(Hand(), Counts(), lambda delay: None)
    cache.clear()


def add(ctx: Any, a: int) -> int:
    return a + 1


def claimed(hand: Hand) -> Any:
    (attempt,) = Claimer(WorkerOptions(worker_id="keeping")).claim(1)
    hand.take([attempt])
    return attempt


def kept(a: int) -> Any:
    return result_cache.find("python-add", "1.0.0", {"a": a})


def test_a_result_is_kept_before_its_job_has_ended(writer, register, monkeypatch):
    register("add", add, cache=60)
    job = enqueue("add", {"a": 1})
    seen: list[Any] = []
    real = recorder.record

    def record(batch: Any) -> Any:
        seen.append((kept(1), Job.objects.get(pk=job.id).status))
        return real(batch)

    monkeypatch.setattr(recorder, "record", record)
    writer.hand.settle(claimed(writer.hand), Completed("2"))
    writer._flush()
    ((found, status),) = seen
    assert found.result == 2 and status == Status.PROCESSING
    assert Job.objects.get(pk=job.id).result == 2


def test_of_an_atomic_handler_it_is_kept_with_its_writes(writer, register):
    register("add", add, cache=60, atomic=True)
    enqueue("add", {"a": 1})
    slots = ThreadSlots(1, writer.hand, writer)
    attempt = claimed(writer.hand)
    assert slots._run(attempt, Child()) is None
    assert kept(1).result == 2


def test_of_an_atomic_handler_that_lost_its_lock_nothing_is_kept(writer, register):
    register("add", add, cache=60, atomic=True)
    enqueue("add", {"a": 1})
    slots = ThreadSlots(1, writer.hand, writer)
    attempt = claimed(writer.hand)
    attempt.lock_token += 1_000
    assert slots._run(attempt, Child()) is None
    assert kept(1) is None


def test_others_do_not_touch_the_cache(writer, register, monkeypatch):
    register("plain", add)
    enqueue("plain", {"a": 1})
    monkeypatch.setattr(result_cache, "store", lambda *call: pytest.fail("nothing is to be kept"))
    writer.hand.settle(claimed(writer.hand), Completed("2"))
    writer._flush()
    assert Job.objects.get().status == Status.COMPLETED


def test_only_cacheable_payloads_results_are_kept(writer, register):
    register("add", add, cache=60, cacheable=lambda payload: payload["a"] > 1)
    for a in (1, 2):
        enqueue("add", {"a": a})
        writer.hand.settle(claimed(writer.hand), Completed(str(a + 1)))
        writer._flush()
    assert kept(1) is None
    assert kept(2).result == 3
