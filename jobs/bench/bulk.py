"""A bulk operation on many dead letters: how fast it goes, and what other jobs notice of it."""

import threading
import time
from typing import Any, Final

from django.db import connection, transaction

from accounts.uuid7 import uuid7
from jobs.bench.lane import COROUTINE, BenchLane
from jobs.bench.measures import Tick
from jobs.bench.workers import BenchWorker, listening
from jobs.bulk.beginning import begin
from jobs.bulk.wishes import Wish
from jobs.bulk.working import QUEUE
from jobs.enqueue import enqueue
from jobs.models import BulkOperation, DeadLetter
from jobs.statuses import BULK_ENDED, BulkState

ROWS_AT_ONCE: Final = 20_000
LOOK_SECONDS: Final = 0.25
#: Of no-op jobs a second, one by one, while their wait is measured.
RATE: Final = 100
SECONDS: Final = 20.0
LONGEST_SECONDS: Final = 7_200.0

# Ids in the order of their numbers, behind all that there were when the bench began.
_LAY: Final = """
WITH jobs AS (
    INSERT INTO job_queue (id, job_type, queue, status, payload, attempt, failed_at, error_message)
    SELECT (left(%(first)s, 13) || '-7' || lpad(to_hex(n / 65536), 3, '0')
            || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           %(type)s, %(queue)s, 'dead_letter', jsonb_build_object('n', n), 1, clock_timestamp(), 'bench'
    FROM generate_series(%(start)s::bigint, %(end)s::bigint) n
    RETURNING id, job_type, payload
)
INSERT INTO job_dead_letter_queue
    (id, original_job_id, job_type, payload, error_class, error_message, error_fingerprint)
SELECT id, id, job_type, payload, 'BenchError', 'bench', %(queue)s FROM jobs
"""
_WAITS: Final = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - scheduled_at)),
       max(extract(epoch FROM started_at - scheduled_at)), count(*)
FROM job_queue WHERE queue = %s AND id >= %s AND status = 'completed'
"""


def bulk(lane: BenchLane, letters: int, jobs: int, tick: Tick) -> dict[str, Any]:
    """Redrive so many dead letters by one operation, and measure other jobs beside it and without it.

    One worker does both. The redriven jobs wait in a queue that nobody listens to, so that what they cost is not
    measured with it.
    """
    dead = BenchLane(f"{lane.name}-dead", uuid7())
    try:
        _lay(dead, letters, tick)
        with listening(lane, COROUTINE, 1, QUEUE) as (worker,):
            without = {"waits_ms": _waits(lane, tick), "drain_per_s": _drained(lane, jobs, tick)}
            memory = worker.rss_mb()
            selector = {"filter": {"fingerprint": dead.name}}
            operation = begin(Wish("dead_letter", "redrive", selector, reason="bench"), None)
            _until(operation, lambda now: now.done > 0)
            beside = {"waits_ms": _waits(lane, tick), "drain_per_s": _drained(lane, jobs, tick)}
            while_it_ran = not _ended(operation)
            tick("the rest of the operation")
            figures = _finished(operation, worker)
        figures |= {"alone": without, "beside": beside, "beside_it_all_the_time": while_it_ran}
        return {"bulk": {"letters": letters, "memory_before_mb": memory, **figures}}
    finally:
        _forget(dead)


def _lay(dead: BenchLane, letters: int, tick: Tick) -> None:
    for start in range(0, letters, ROWS_AT_ONCE):
        bounds = {"start": start, "end": min(letters, start + ROWS_AT_ONCE) - 1}
        given: dict[str, Any] = {"first": str(dead.first_id), "type": COROUTINE, "queue": dead.name, **bounds}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LAY, given)
        tick(f"{bounds['end'] + 1:,} dead letters")
    dead.vacuum()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) job_dead_letter_queue")


def _waits(lane: BenchLane, tick: Tick) -> dict[str, float]:
    """Submit jobs one by one at a steady pace; give how long they waited to be started."""
    began = time.monotonic()
    for number in range(int(RATE * SECONDS)):
        if (ahead := began + number / RATE - time.monotonic()) > 0:
            threading.Event().wait(ahead)
        enqueue(COROUTINE, {"n": number}, queue=lane.name)
    while lane.unfinished():
        threading.Event().wait(LOOK_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(_WAITS, [lane.name, lane.first_id])
        cuts, longest, _ = cursor.fetchone()
    lane.clear()
    tick("waits of single jobs")
    return {"p50": float(cuts[0]) * 1000, "p99": float(cuts[1]) * 1000, "max": float(longest) * 1000}


def _drained(lane: BenchLane, jobs: int, tick: Tick) -> float:
    lane.hold()
    lane.fill(jobs, COROUTINE)
    lane.release()
    while lane.unfinished():
        threading.Event().wait(LOOK_SECONDS)
    rate = lane.drain_rate()
    lane.clear()
    tick("drain")
    return rate


def _finished(operation: BulkOperation, worker: BenchWorker) -> dict[str, Any]:
    _until(operation, lambda now: now.state in BULK_ENDED)
    operation.refresh_from_db()
    if operation.state != BulkState.COMPLETED:
        raise RuntimeError(f"The operation {operation.state}: {operation.state_reason}")
    assert operation.started_at and operation.ended_at
    seconds = (operation.ended_at - operation.started_at).total_seconds()
    return {
        "done": operation.done,
        "refused": operation.skipped + operation.failed,
        "seconds": seconds,
        "letters_per_s": operation.done / seconds,
        "peak_memory_mb": worker.peak_rss_mb,
    }


def _until(operation: BulkOperation, come: Any) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while not come(BulkOperation.objects.get(pk=operation.pk)):
        if time.monotonic() > until:
            raise RuntimeError("The operation does not get on.")
        threading.Event().wait(LOOK_SECONDS)


def _ended(operation: BulkOperation) -> bool:
    return BulkOperation.objects.get(pk=operation.pk).state in BULK_ENDED


def _forget(dead: BenchLane) -> None:
    while True:
        letters = DeadLetter.objects.filter(error_fingerprint=dead.name).order_by("id")
        ids = list(letters.values_list("pk", flat=True)[:ROWS_AT_ONCE])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM job_queue WHERE id = ANY(%s)", [ids])
            cursor.execute("DELETE FROM job_dead_letter_queue WHERE id = ANY(%s)", [ids])
        if not ids:
            break
    BulkOperation.objects.filter(selector__filter__fingerprint=dead.name).delete()
    dead.clear()
    dead.vacuum()
