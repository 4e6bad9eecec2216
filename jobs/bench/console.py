"""The console's first page over many jobs: what it asks of the database, and for how long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any, Final

from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from jobs.bench.measures import Tick
from jobs.models import Job, Worker
from jobs.queue_history import RANGES
from jobs.sampling import sample

#: What is promised of the page, in milliseconds of the database.
MOST_MS: Final = 20.0
ROWS_AT_ONCE: Final = 250_000
QUEUES: Final = 20
TABLES: Final = (
    "job_queue, job_processing_locks, job_dead_letter_queue, job_dead_letter_groups, job_dead_letter_hours,"
    " job_dead_letter_traits, job_queue_minutes, job_queue_totals, job_workers, job_event_counts"
)
_NO_QUERIES: Final = ("SAVEPOINT", "RELEASE", "SELECT public.act_as")

# Nobody waits for these jobs: what triggers would tell of each is left out, where one may.
_QUIETLY: Final = "SET LOCAL session_replication_role = replica"
_FINISHED: Final = """
INSERT INTO job_queue (id, job_type, queue, status, payload, attempt, created_at, updated_at, scheduled_at, started_at,
                       completed_at)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n %% 4096), 3, '0')
        || '8' || lpad(to_hex(n), 15, '0'))::uuid, 'bench_' || n %% 30, 'bench-' || n %% %(queues)s, 'completed',
       jsonb_build_object('n', n), 1, at, at, at, at, at + interval '1 second'
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n,
     LATERAL (SELECT now() - (%(count)s - n) * interval '30 days' / %(count)s AS at) t
"""
# Of each queue three priorities; one in ten is for later, one in twenty has been tried before.
_PENDING: Final = """
INSERT INTO job_queue (id, job_type, queue, priority, status, payload, retry_count, scheduled_at)
SELECT ekiden_uuid7(), 'bench_' || n %% 30, 'bench-' || n %% %(queues)s, 4 + n %% 3, 'pending', '{}',
       (n %% 20 = 0)::int, now() + CASE WHEN n %% 10 = 0 THEN interval '1 hour' ELSE interval '-10 minutes' END
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
_LETTERS: Final = """
WITH jobs AS (
    INSERT INTO job_queue (id, job_type, queue, status, payload, attempt, failed_at)
    SELECT ekiden_uuid7(), 'bench_' || n % 30, 'bench-0', 'dead_letter', '{}', 1, now() FROM generate_series(1, 10000) n
    RETURNING id, job_type
)
INSERT INTO job_dead_letter_queue
    (id, original_job_id, job_type, payload, error_class, error_message, error_fingerprint)
SELECT id, id, job_type, '{}', 'BenchError', 'bench', md5((random() * 200)::int::text) FROM jobs
"""
_MINUTES: Final = """
INSERT INTO job_queue_minutes (queue, grain, at, samples, seconds, attempts, completed, retried, waits, runs, depth,
                               workers, slots)
SELECT queue, grain, date_bin(make_interval(mins => grain), now(), 'epoch') - back * make_interval(mins => grain),
       2 * grain, 60 * grain, 110, 100, 10, array_fill(7, ARRAY[17]), array_fill(7, ARRAY[17]), 5000, 20, 320
FROM (VALUES (1, 2880), (15, 768), (60, 840)) AS g (grain, kept), generate_series(1, kept) AS back,
     (SELECT 'bench-' || n FROM generate_series(0, %s - 1) n UNION ALL SELECT '') AS q (queue)
ON CONFLICT DO NOTHING
"""


class NotEmpty(RuntimeError):
    """The measurement fills the database with jobs, and empties it again."""


def console(count: int, pending: int, times: int, tick: Tick) -> dict[str, Any]:
    """Look so often at the first page, over so many finished and pending jobs; all of them go again."""
    if Job.objects.exists() or Worker.objects.exists():
        raise NotEmpty(
            "This database has jobs or workers. The measurement empties its tables, so give it a database of its own:"
            " DATABASE_URL=… manage.py migrate, then this command with the same DATABASE_URL."
        )
    with _laid(count, pending, tick):
        tick("a look of the chore")
        began = time.perf_counter()
        sample()
        took = (time.perf_counter() - began) * 1000
        pages = {span: _looks(span, times, tick) for span in RANGES}
    figures = {"jobs": count, "pending": pending, "chore_ms": took, "pages": pages}
    return figures | {
        "goals": {f"database under {MOST_MS:.0f} ms": all(p["median_ms"] < MOST_MS for p in pages.values())}
    }


def _looks(span: str, times: int, tick: Tick) -> dict[str, Any]:
    tick(f"the page of {span}")
    user = User.objects.create(user_id="bench-console", role=Role.OPERATOR, name="bench")
    try:
        client = Client()
        client.force_login(user)
        asked = [_look(client, span) for _ in range(times + 1)][1:]
    finally:
        user.delete()
    took = [sum(each.values()) for each in asked]
    slowest: dict[str, float] = {sql: min(each.get(sql, 0.0) for each in asked) for sql in asked[-1]}
    longest = sorted(slowest, key=lambda each: -slowest[each])[:3]
    return {
        "queries": len(asked[-1]),
        # Each query at its fastest: what the database does when nobody else wants the processor.
        "best_ms": sum(slowest.values()),
        "median_ms": median(took),
        "p95_ms": quantiles(took, n=20)[-1] if len(took) > 1 else took[0],
        "slowest": {" ".join(sql.split())[:70]: slowest[sql] for sql in longest},
    }


def _look(client: Client, span: str) -> dict[str, float]:
    """Ask for the page once, and give how long each of its queries took, with the way there and back."""
    took: dict[str, float] = {}

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            if not sql.startswith(_NO_QUERIES):
                took[sql] = took.get(sql, 0.0) + (time.perf_counter() - began) * 1000

    with connection.execute_wrapper(note):
        response = client.get("/admin/", {"range": span}, secure=True, headers={"host": "localhost"})
    if response.status_code != 200:
        raise RuntimeError(f"The page answered with {response.status_code}.")
    return took


@contextmanager
def _laid(count: int, pending: int, tick: Tick) -> Iterator[None]:
    try:
        _lay(_FINISHED, count, tick, "finished jobs")
        _lay(_PENDING, pending, tick, "pending jobs")
        with connection.cursor() as cursor:
            cursor.execute(_LETTERS)
            sample()
            cursor.execute(_MINUTES, [QUEUES])
            Worker.objects.bulk_create(
                Worker(id=f"bench-{n}", hostname="bench", pid=n, concurrency=16, running=8) for n in range(20)
            )
            tick("vacuum")
            cursor.execute(f"VACUUM (ANALYZE) {TABLES}")
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {TABLES} CASCADE")


def _lay(sql: str, count: int, tick: Tick, what: str) -> None:
    for first in range(1, count + 1, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE - 1, count)
        with transaction.atomic(), connection.cursor() as cursor:
            if _may_be_quiet():
                cursor.execute(_QUIETLY)
            cursor.execute(sql, {"first": first, "last": last, "count": count, "queues": QUEUES})
        tick(f"{last:,} {what}")


def _may_be_quiet() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
