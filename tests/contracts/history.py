"""A table of jobs as a year of use leaves it, 100,000 of them unless more are asked for, laid by SQL alone."""

import hashlib
from uuid import UUID

from django.db import connection

JOBS = 100_000
#: One of the three schedules that made some of them.
SCHEDULE = UUID(int=1)
#: A group of dead letters.
GROUP = hashlib.md5(b"1").hexdigest()

_ROWS = [
    # People, so that foreign keys have something to point at.
    """INSERT INTO meta.users (id, user_id) SELECT lpad(to_hex(n), 32, '0')::uuid, 'owner' || n
       FROM generate_series(1, 50) n""",
    # 1 of 20 waits, 1 of 400 runs, 1 of 25 went wrong; the rest is history. A fifth has owners, a tenth has tags, three
    # schedules made an eleventh. A fifth of what waits has a concurrency key, and some of it has expired.
    """INSERT INTO job_queue (id, job_type, queue, priority, status, payload, scheduled_at, created_at, updated_at,
                              started_at, completed_at, failed_at, attempt, user_id, tags, unique_key,
                              schedule_id, scheduled_for,
                              concurrency_key, concurrency_limit, lane_key, expires_at)
       SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' ||
               lpad(to_hex(n), 16, '8'))::uuid,
              CASE WHEN n % 5000 = 5 THEN 'rare' ELSE 'type' || n % 7 END,
              (ARRAY['default', 'images', 'mail', 'slow'])[1 + n % 4], (ARRAY[5, 2, 8])[1 + n % 3],
              status, jsonb_build_object('n', n, 'text', repeat('x', 100)), at, at, at,
              CASE WHEN status <> 'pending' THEN at END, CASE WHEN status = 'completed' THEN at END,
              CASE WHEN status IN ('failed', 'dead_letter') THEN at END,
              CASE WHEN n % 1000 = 1 THEN 0 ELSE 1 END,
              CASE WHEN n % 5 = 0 THEN lpad(to_hex(1 + n % 50), 32, '0')::uuid END,
              CASE WHEN n % 10 = 0 THEN ARRAY['tag' || n % 300] ELSE '{}' END,
              CASE WHEN n % 3 = 0 THEN 'key' || n END,
              CASE WHEN n % 11 = 0 THEN lpad(to_hex(1 + n % 3), 32, '0')::uuid END, CASE WHEN n % 11 = 0 THEN at END,
              CASE WHEN n % 100 = 1 THEN 'key' || n % 7 END, CASE WHEN n % 100 = 1 THEN 5 END,
              CASE WHEN n % 100 = 1 THEN 'k:key' || n % 7 END, CASE WHEN n % 1000 = 1 THEN at END
       FROM (SELECT n, now() - interval '1 year' + n * interval '1 year' / %(jobs)s AS at,
                    CASE WHEN n % 20 = 1 THEN 'pending' WHEN n % 400 = 2 THEN 'processing'
                         WHEN n % 100 = 3 THEN 'failed' WHEN n % 100 = 4 THEN 'cancelled'
                         WHEN n % 50 = 5 THEN 'dead_letter' ELSE 'completed' END AS status
             FROM generate_series(1, %(jobs)s) n) made""",
    """INSERT INTO job_processing_locks (job_id, worker_id, expires_at)
       SELECT id, 'worker-1', now() + interval '5 minutes' FROM job_queue WHERE status = 'processing'""",
    # Every failed job was a dead letter too: two thirds of the letters are settled.
    """INSERT INTO job_dead_letter_queue (id, original_job_id, job_type, payload, error_class, error_message,
                                          error_fingerprint, resolution_status, resolved_at)
       SELECT id, id, job_type, payload, 'Error', 'message', md5((row_number() OVER () % 40)::text),
              CASE WHEN status = 'dead_letter' THEN 'open' ELSE 'discarded' END,
              CASE WHEN status = 'dead_letter' THEN NULL ELSE now() END
       FROM job_queue WHERE status IN ('failed', 'dead_letter')""",
]  # fmt: skip
_TABLES = "job_queue, job_processing_locks, job_dead_letter_queue, job_queues, job_workers, meta.users"


def lay(analyzed: bool, jobs: int = JOBS) -> None:
    """Fill the tables; otherwise than `analyzed`, the statistics are those of the empty tables."""
    with connection.cursor() as cursor:
        if not analyzed:
            cursor.execute(f"ANALYZE {_TABLES}")
        # Triggers look at one row after the other; these rows are lawful as they come.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for sql in _ROWS:
            cursor.execute(sql.replace("%(jobs)s", str(jobs)))
        cursor.execute("SET LOCAL session_replication_role = origin")
        if analyzed:
            cursor.execute(f"ANALYZE {_TABLES}")
