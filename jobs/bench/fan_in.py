"""What it costs that one job waits for all the others: the same jobs drained alone, and with a callback."""

import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

from django.db import connection

from jobs.batches import EnqueuedBatch, enqueue_batch
from jobs.bench import workers
from jobs.bench.lane import COROUTINE, BenchLane
from jobs.enqueue import NewJob
from jobs.models import Batch, Dependency, Job
from jobs.statuses import SETTLED

ROUNDS: Final = 3

# Of the jobs before the callback, and how long after the last of them it began.
_FIGURES: Final = """
SELECT count(*) / extract(epoch FROM max(j.completed_at) - min(j.started_at)),
       extract(epoch FROM c.started_at - max(j.completed_at))
FROM job_queue j JOIN job_queue c ON c.id = %s WHERE j.batch_id = %s AND j.id <> c.id GROUP BY c.started_at
"""


def fan_in(lane: BenchLane, jobs: int, processes: int, tick: Callable[[str], None]) -> dict[str, Any]:
    """Drain so many jobs without and with a shared callback, in turns, by one worker process and by several."""
    figures: dict[str, float] = {"jobs": jobs}
    for count in sorted({1, processes}):
        alone, shared, waits, enqueued = [], [], [], []
        for _ in range(ROUNDS):
            alone.append(_alone(lane, jobs, count))
            rate, wait, seconds = _with_callback(lane, jobs, count)
            shared.append(rate)
            waits.append(wait)
            enqueued.append(jobs / seconds)
            tick(f"fan-in, {count} processes")
        figures |= {
            f"alone_per_s_{count}": median(alone),
            f"with_callback_per_s_{count}": median(shared),
            f"ratio_{count}": median(a / b for a, b in zip(shared, alone, strict=True)),
            f"callback_after_ms_{count}": 1000 * median(waits),
        }
    figures["enqueue_batch_per_s"] = median(enqueued)
    return {"fan_in": figures}


def _alone(lane: BenchLane, jobs: int, processes: int) -> float:
    rate, _ = workers.drain(lane, COROUTINE, jobs, processes)
    _tidy(lane)
    return rate


def _with_callback(lane: BenchLane, jobs: int, processes: int) -> tuple[float, float, float]:
    with workers.resident(lane, COROUTINE, processes):
        lane.hold()
        began = time.perf_counter()
        batch = _fill(lane, jobs)
        seconds = time.perf_counter() - began
        lane.release()
        assert batch.callback is not None
        callback = Job.objects.filter(pk=batch.callback.id)
        while callback.exclude(status__in=SETTLED).exists():
            threading.Event().wait(workers.LOOK_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, [batch.callback.id, batch.id])
        rate, wait = cursor.fetchone()
    Dependency.objects.filter(job=batch.callback.id).delete()
    Batch.objects.filter(pk=batch.id).delete()
    _tidy(lane)
    return float(rate), float(wait), seconds


def _fill(lane: BenchLane, jobs: int) -> EnqueuedBatch:
    def new(n: int) -> NewJob:
        return NewJob(COROUTINE, {"n": n}, {"queue": lane.name})

    return enqueue_batch(map(new, range(jobs)), on_completed=new(-1))


def _tidy(lane: BenchLane) -> None:
    lane.clear()
    lane.vacuum()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) job_dependencies, job_release_checks")
