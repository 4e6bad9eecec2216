"""The floor: the same SQL in a bare psycopg loop on one connection, with nothing of ours around it."""

import time
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import connection

from accounts.uuid7 import uuid7
from jobs.bench.lane import COROUTINE, BenchLane

#: Jobs per claim in the floor's loop, and most at once in the worker.
BATCH: Final = 500

_INSERT: Final = """
INSERT INTO job_queue (id, job_type, queue, priority, payload, max_retries) VALUES (%s, %s, %s, 5, %s, 3)
"""
_CLAIM: Final = """
SELECT job_id, lock_token, payload, scheduled_at FROM start_jobs(ARRAY(
    SELECT id FROM job_queue
    WHERE queue = %s AND priority = 5 AND status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
      AND scheduled_at <= statement_timestamp() AND (scheduled_at, id) > (%s, %s)
    ORDER BY scheduled_at, id FOR UPDATE SKIP LOCKED LIMIT %s
), 'bench', interval '5 minutes') ORDER BY scheduled_at, job_id
"""
_COMPLETE: Final = "SELECT complete_jobs(%s, %s, %s::jsonb[])"


def connect() -> psycopg.Connection[Any]:
    """Open a plain connection to the configured database, in autocommit like Django's."""
    parameters = connection.get_connection_params()
    wanted = {key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if parameters.get(key)}
    return psycopg.connect(**wanted, autocommit=True)


def insert_rate(bare: psycopg.Connection[Any], lane: BenchLane, count: int) -> float:
    """Insert jobs one by one, each its own commit; gives rows per second."""
    began = time.perf_counter()
    for n in range(count):
        bare.execute(_INSERT, [uuid7(), COROUTINE, lane.name, f'{{"n":{n}}}'])
    return count / (time.perf_counter() - began)


def drain_rate(bare: psycopg.Connection[Any], lane: BenchLane) -> float:
    """Claim and complete all that waits in the lane, a batch at a time; gives jobs per second."""
    done = 0
    last: tuple[Any, UUID] = ("-infinity", UUID(int=0))
    began = time.perf_counter()
    while claimed := bare.execute(_CLAIM, [lane.name, *last, BATCH]).fetchall():
        ids, tokens, _, times = (list(column) for column in zip(*claimed, strict=True))
        last = (times[-1], ids[-1])
        bare.execute(_COMPLETE, [ids, tokens, ["0"] * len(ids)])
        done += len(ids)
    return done / (time.perf_counter() - began)
