"""What claims cost while a key blocks a long backlog ahead of them, beside what they cost without it."""

import time
from collections.abc import Iterator
from statistics import mean, median
from typing import Any, Final

from django.db import connection

from jobs.bench.floor import BATCH
from jobs.bench.lane import COROUTINE, BenchLane
from jobs.bench.measures import ROUNDS, Tick
from jobs.worker.claiming import Claimer
from jobs.worker.options import WorkerOptions

READY: Final = 20_000
_COMPLETE: Final = "SELECT complete_jobs(%s::uuid[], %s::bigint[], %s::jsonb[])"


def blocked(lane: BenchLane, backlog: int, tick: Tick) -> dict[str, Any]:
    """Drain ready jobs, with and without so many blocked ones of the same queue and priority before them."""
    free, behind = [], []
    for _ in range(ROUNDS):
        free.append(_claim_ms(lane))
        tick("claims without a backlog")
        lane.fill(backlog, COROUTINE, concurrency_key=lane.name)
        lane.vacuum()
        behind.append(_claim_ms(lane))
        tick("claims behind a blocked key")
    figures = {"jobs": backlog, "free_claim_ms": median(free), "claim_ms": median(behind)}
    return {"blocked": {**figures, "ratio": median(b / f for b, f in zip(behind, free, strict=True))}}


def _claim_ms(lane: BenchLane) -> float:
    """Milliseconds of a claim, on average over all that it takes to drain the ready jobs, looks included."""
    claimer = Claimer(WorkerOptions(queues=(lane.name,), batch_size=BATCH, worker_id=f"bench {lane.name}"))
    claimer.claim(1)  # of the key, if there is one: from here on it is blocked
    lane.fill(READY, COROUTINE)
    times = list(_drain(claimer))
    lane.clear()
    lane.vacuum()
    return mean(times) * 1000


def _drain(claimer: Claimer) -> Iterator[float]:
    claimer.look_soon()
    while True:
        began = time.perf_counter()
        attempts = claimer.claim(BATCH)
        if not attempts:
            return
        yield time.perf_counter() - began
        with connection.cursor() as cursor:
            ids, tokens = [attempt.id for attempt in attempts], [attempt.lock_token for attempt in attempts]
            cursor.execute(_COMPLETE, [ids, tokens, ["0"] * len(ids)])
