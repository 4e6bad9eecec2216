"""How fast old jobs go, and how much of its speed the queue keeps meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from accounts.uuid7 import first_uuid7
from jobs import retention
from jobs.bench import workers
from jobs.bench.lane import COROUTINE, BenchLane
from jobs.bench.measures import Tick
from jobs.retention import Rule, Walk

#: Older than any job that anybody could have, so that only the bench's own are pruned.
LONG_AGO: Final = datetime(2001, 1, 1, tzinfo=UTC)
ROWS_AT_ONCE: Final = 50_000

_WRITE: Final = """
INSERT INTO job_queue (id, job_type, queue, status, payload, result, attempt, created_at, updated_at, scheduled_at,
                       started_at, completed_at, progress)
SELECT (lpad(to_hex(%s + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, %s, %s, 'completed',
       jsonb_build_object('n', n, 'note', repeat('x', 100)), to_jsonb(n), 1, %s, %s, %s, %s, %s, 100
FROM generate_series(%s, %s) n
"""


def pruning(lane: BenchLane, jobs: int, old: int, tick: Tick) -> dict[str, Any]:
    """Drain by turns while so many old jobs are pruned, and while they wait for it; at last prune at full speed."""
    past = BenchLane(f"{lane.name}-past", first_uuid7(LONG_AGO))
    try:
        _write(past, old, tick)
        full = _megabytes()
        pruner = _Pruner()
        with_it, without = _by_turns(lane, jobs, pruner, tick)
        emptied = _megabytes()
        _write(past, old // 2, tick)
        again = _megabytes()
        at_full_speed = _full_speed(tick)
    finally:
        past.clear()
        past.vacuum()
    figures = {
        "old_jobs": pruner.deleted,
        "drain_per_s": median(with_it),
        "alone_drain_per_s": median(without),
        "ratio": median(a / b for a, b in zip(with_it, without, strict=True)),
        "pruned_per_s": pruner.deleted / pruner.seconds,
        "pruned_per_s_without_pauses": at_full_speed,
        "table_mb": full,
        "table_mb_pruned": emptied,
        "table_mb_filled_half_again": again,
    }
    return {"pruning": figures}


class _Pruner(threading.Thread):
    """Prunes as workers do, but without an end; only while it may."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.may = threading.Event()
        self.deleted = 0
        #: How long it was at it.
        self.seconds = 0.0

    def run(self) -> None:
        steps = retention.prune([_walk()], pause=retention.PAUSE)
        while True:
            self.may.wait()
            began = time.monotonic()
            number = next(steps, None)
            self.seconds += time.monotonic() - began
            if number is None:
                break
            self.deleted += number
        connection.close()


@contextmanager
def _at_it(pruner: _Pruner) -> Iterator[None]:
    pruner.may.set()
    yield
    pruner.may.clear()


def _by_turns(lane: BenchLane, jobs: int, pruner: _Pruner, tick: Tick) -> tuple[list[float], list[float]]:
    """Give the speeds of drains beside the pruning, and of as many alone."""
    beside: list[float] = []
    alone: list[float] = []
    pruner.start()
    while pruner.is_alive():
        alone.append(workers.drain(lane, COROUTINE, jobs)[0])
        lane.clear()
        with _at_it(pruner):
            rate = workers.drain(lane, COROUTINE, jobs)[0]
            if pruner.is_alive() or not beside:
                beside.append(rate)
        lane.clear()
        tick("drain while jobs are pruned")
    return beside, alone[: len(beside)]


def _full_speed(tick: Tick) -> float:
    began = time.monotonic()
    deleted = sum(retention.prune([_walk()]))
    tick("prune without pauses")
    return deleted / (time.monotonic() - began)


def _walk() -> Walk:
    return Walk(Rule("completed", timezone.now() - LONG_AGO - timedelta(days=1_000)))


def _write(past: BenchLane, count: int, tick: Tick) -> None:
    # A millisecond for each, as they come on a busy day.
    first = int(LONG_AGO.timestamp() * 1000)
    for start in range(1, count + 1, ROWS_AT_ONCE):
        last = min(count, start + ROWS_AT_ONCE - 1)
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [first, COROUTINE, past.name, *[LONG_AGO] * 5, start, last])
        tick("write old jobs")


def _megabytes() -> float:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) job_queue")
        cursor.execute("SELECT pg_total_relation_size('job_queue') / 1e6")
        return float(cursor.fetchone()[0])
