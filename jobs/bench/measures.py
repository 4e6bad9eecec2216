"""What is measured, one function each; figures that are compared are taken in turns, because machines change speed."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from statistics import median, quantiles
from typing import Any, Final

import psycopg
from django.db import connection, transaction

from accounts.uuid7 import uuid7
from jobs.bench import floor, workers
from jobs.bench.lane import COROUTINE, THREAD, BenchLane
from jobs.enqueue import enqueue
from jobs.models import Job

#: Called after each step with its name, for a progress bar.
Tick = Callable[[str], None]

ROUNDS: Final = 3
LATENCY_JOBS: Final = 200
#: Between two jobs of a light load; further apart than the window in which announcements are merged.
LIGHT_LOAD_SECONDS: Final = (0.06, 0.12)
SNAPSHOT_JOBS: Final = 100_000


def enqueueing(lane: BenchLane, tick: Tick) -> dict[str, float]:
    """Single enqueues beside bare INSERTs in the same commit mode, and bulk."""
    ours, bare_rates = [], []
    with floor.connect() as bare:
        for _ in range(2 * ROUNDS):
            bare_rates.append(floor.insert_rate(bare, lane, 300))
            ours.append(_single_rate(lane, 300))
            tick("enqueue one by one")
    bulk = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        lane.fill(20_000, COROUTINE)
        bulk.append(20_000 / (time.perf_counter() - began))
        tick("enqueue in bulk")
    lane.clear()
    lane.vacuum()
    return {
        "enqueue_single_per_s": median(ours),
        "enqueue_single_floor_per_s": median(bare_rates),
        "enqueue_single_ratio": median(a / b for a, b in zip(ours, bare_rates, strict=True)),
        "enqueue_bulk_per_s": median(bulk),
        "enqueue_bulk_over_single": median(bulk) / median(ours),
    }


def _single_rate(lane: BenchLane, count: int) -> float:
    began = time.perf_counter()
    for n in range(count):
        enqueue(COROUTINE, {"n": n}, queue=lane.name)
    return count / (time.perf_counter() - began)


def draining(lane: BenchLane, jobs: int, processes: int, tick: Tick) -> dict[str, float]:
    """Workers beside the floor, in turns: coroutines, threads and, with `processes` above 1, several processes."""
    rates: dict[str, list[float]] = {"floor": [], COROUTINE: [], THREAD: [], "several": []}
    peaks = []
    for _ in range(ROUNDS):
        rates["floor"].append(_floor_drain(lane, jobs))
        tick("floor")
        for job_type in (COROUTINE, THREAD):
            rate, peak = _drain(lane, job_type, jobs)
            rates[job_type].append(rate)
            peaks.append(peak)
            tick(f"drain, {job_type.removeprefix('bench_')}s")
        if processes > 1:
            rates["several"].append(_drain(lane, COROUTINE, jobs * processes, processes)[0])
            tick(f"drain, {processes} processes")
    figures = {
        "drain_per_s": median(rates[COROUTINE]),
        "drain_thread_per_s": median(rates[THREAD]),
        "drain_floor_per_s": median(rates["floor"]),
        "drain_ratio": _ratio(rates[COROUTINE], rates["floor"]),
        "drain_thread_ratio": _ratio(rates[THREAD], rates["floor"]),
        "worker_rss_mb": max(peaks),
    }
    if rates["several"]:
        figures["drain_processes_per_s"] = median(rates["several"])
        figures["drain_processes_ratio"] = _ratio(rates["several"], rates[COROUTINE])
    return figures


def _floor_drain(lane: BenchLane, jobs: int) -> float:
    lane.fill(jobs, COROUTINE)
    with floor.connect() as bare:
        rate = floor.drain_rate(bare, lane)
    lane.clear()
    lane.vacuum()
    return rate


def _drain(lane: BenchLane, job_type: str, jobs: int, processes: int = 1) -> tuple[float, float]:
    measured = workers.drain(lane, job_type, jobs, processes)
    lane.clear()
    lane.vacuum()
    return measured


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def latency(lane: BenchLane, tick: Tick) -> dict[str, Any]:
    """From a job's commit to its handler's first line, and from the call of enqueue, on an idle worker; milliseconds.

    Jobs come far apart. The commit is where the job begins to exist; before it the caller waits for the disk.
    """
    random_gaps = random.Random(7)  # noqa: S311 - the same gaps every time
    stamps: dict[str, tuple[float, float]] = {}
    with workers.resident(lane, COROUTINE):
        for n in range(LATENCY_JOBS):
            time.sleep(random_gaps.uniform(*LIGHT_LOAD_SECONDS))
            committed: list[float] = []
            called = time.time()
            with transaction.atomic():
                transaction.on_commit(lambda: committed.append(time.time()))  # noqa: B023 - called in this round
                job = enqueue(COROUTINE, {"n": n, "clock": True}, queue=lane.name)
            stamps[str(job.id)] = (called, committed[0])
            tick("latency")
        while lane.unfinished():
            time.sleep(0.05)
    ended = Job.objects.filter(queue=lane.name, id__gte=lane.first_id)
    started = [(job_id, float(str(at))) for job_id, at in ended.values_list("id", "result")]
    lane.clear()
    from_call = [(at - stamps[str(job_id)][0]) * 1000 for job_id, at in started]
    from_commit = [(at - stamps[str(job_id)][1]) * 1000 for job_id, at in started]
    return {"latency_ms": _percentiles(from_commit), "latency_from_call_ms": _percentiles(from_call)}


def _percentiles(waits: list[float]) -> dict[str, float]:
    cuts = quantiles(waits, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


def history(lane: BenchLane, jobs: int, finished: int, tick: Tick) -> dict[str, Any]:
    """Drain with so many finished jobs in the table, between two measurements without them."""
    empty = [_drain(lane, COROUTINE, jobs)[0] for _ in range(2)]
    tick("drain without history")
    past = BenchLane(f"{lane.name}-history", uuid7())
    try:
        _write_history(past, finished, tick)
        full = [_drain(lane, COROUTINE, jobs)[0] for _ in range(4)]
        tick("drain with history")
    finally:
        past.clear()
        past.vacuum()
    empty += [_drain(lane, COROUTINE, jobs)[0] for _ in range(2)]
    tick("drain without history")
    figures = {"finished_jobs": finished, "drain_per_s": median(full), "empty_drain_per_s": median(empty)}
    return {"history": {**figures, "ratio": figures["drain_per_s"] / figures["empty_drain_per_s"]}}


def _write_history(past: BenchLane, finished: int, tick: Tick) -> None:
    sql = """
        INSERT INTO job_queue (job_type, queue, status, payload, result, attempt, started_at, completed_at, progress)
        SELECT %s, %s, 'completed', jsonb_build_object('n', n, 'note', repeat('x', 100)), to_jsonb(n), 1,
               clock_timestamp(), clock_timestamp(), 100
        FROM generate_series(1, %s) n
    """
    for start in range(0, finished, 50_000):
        with connection.cursor() as cursor:
            cursor.execute(sql, [COROUTINE, past.name, min(50_000, finished - start)])
        tick("write history")
    past.vacuum()


def old_snapshot(lane: BenchLane, tick: Tick) -> dict[str, Any]:
    """Drain while an old REPEATABLE READ snapshot keeps every dead row and index entry in place."""
    with _snapshot_held():
        workers.drain(lane, COROUTINE, SNAPSHOT_JOBS)
        first, last = lane.fifths()
    lane.clear()
    lane.vacuum()
    tick("drain under an old snapshot")
    return {"snapshot": {"first_fifth_per_s": first, "last_fifth_per_s": last, "ratio": last / first}}


@contextlib.contextmanager
def _snapshot_held() -> Iterator[None]:
    with floor.connect() as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with holder.transaction():
            holder.execute("SELECT count(*) FROM job_queues")
            yield
