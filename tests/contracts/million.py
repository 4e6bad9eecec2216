"""A year of a busy site: a million jobs and what they leave in the other tables, laid by SQL alone."""

from typing import Final

from django.db import connection, connections, transaction

from analytics.partitions import alias, create_for
from tests.contracts import history

JOBS: Final = 1_000_000

#: Tables that grow with what is done: no page may read one of them from end to end.
GROWING: Final = frozenset(
    {
        "job_queue",
        "job_dead_letter_queue",
        "job_audit_log",
        "job_tasks",
        "job_batches",
        "job_bulk_items",
        "job_bulk_chunks",
        "articles",
        "article_summaries",
        "article_podcasts",
        "ai_calls",
        "sessions",
        "job_dead_letter_groups",
        "job_log_lines",
        "job_webhook_deliveries",
    }
)

# Beside the jobs of history.py: as many acts of people as dead letters, sessions of functions, batches.
_BESIDE: Final = (
    """INSERT INTO job_audit_log (actor_id, actor_name, action, target_type, target_id, reason)
       SELECT lpad(to_hex(1 + n % 50), 32, '0')::uuid, 'owner' || 1 + n % 50,
              (ARRAY['redrive', 'discard', 'cancel', 'pause'])[1 + n % 4], 'job', md5(n::text), ''
       FROM generate_series(1, 200000) n""",
    """INSERT INTO job_batches (name, total, user_id)
       SELECT 'batch' || n, 10, lpad(to_hex(1 + n % 50), 32, '0')::uuid FROM generate_series(1, 50000) n""",
    """INSERT INTO articles (url, stage, title, text, user_id, is_deleted)
       SELECT 'https://example.org/' || n, 'extracted', 'title ' || n, repeat('word ', 40),
              lpad(to_hex(1 + n % 50), 32, '0')::uuid, n % 20 = 0 FROM generate_series(1, 50000) n""",
    """INSERT INTO article_summaries (article_id, user_id, text, provider, length, language, reasons)
       SELECT id, user_id, 'a summary', 'groq', 'short', 'en', '[]' FROM articles""",
    """INSERT INTO article_podcasts (article_id, user_id, script, audio, content_type, size_bytes, duration_seconds,
                                     engine, job_id)
       SELECT id, user_id, 'a script', 'podcasts/' || id, 'audio/wav', 1000, 10, 'espeak-ng', id FROM articles""",
    """INSERT INTO ai_calls (provider, purpose, day, expires_at, outcome, user_id)
       SELECT (ARRAY['groq', 'claude'])[1 + n % 2], 'summary', now()::date, now(), 'answered',
              lpad(to_hex(1 + n % 50), 32, '0')::uuid FROM generate_series(1, 50000) n""",
    """INSERT INTO meta.sessions (request_id, language_title, user_id, expires_at, status)
       SELECT gen_random_uuid()::text, 'python-f' || n % 20, 'owner' || 1 + n % 50, now(), 'closed'
       FROM generate_series(1, 50000) n""",
    # The groups of the letters, and of 20,000 others before them.
    """INSERT INTO job_dead_letter_groups (error_fingerprint, job_type, error_class, error_message, open_count,
                                           total_count, first_seen_at, last_seen_at)
       SELECT error_fingerprint, min(job_type), 'Error', 'message', count(*) FILTER (WHERE resolution_status = 'open'),
              count(*), min(moved_at), max(moved_at) FROM job_dead_letter_queue GROUP BY 1
       UNION ALL SELECT md5('old' || n), 'type' || n % 7, 'Error', 'message ' || n, 0, 5,
              now() - n * interval '1 minute', now() - n * interval '1 minute' FROM generate_series(1, 20000) n""",
    """INSERT INTO job_log_lines (job_id, attempt, slot, number, at, level, logger, message)
       SELECT id, 1, slot, slot, now(), 'INFO', 'jobs.handler', 'a line'
       FROM (SELECT id FROM job_queue ORDER BY id DESC LIMIT 50000) newest, generate_series(1, 4) slot""",
    """INSERT INTO job_webhook_endpoints (user_id, url, events, secret, everyone)
       SELECT lpad(to_hex(n), 32, '0')::uuid, 'https://example.org/' || n, '{job.completed}', 'whsec_', false
       FROM generate_series(1, 20) n""",
    """INSERT INTO job_webhook_deliveries (endpoint_id, user_id, event_id, event, at, data, state, ended_at)
       SELECT w.id, w.user_id, gen_random_uuid(), 'job.completed', now(), '{}', 'delivered', now()
       FROM job_webhook_endpoints w, generate_series(1, 5000) n""",
    # All queues together, "", and the four: two days of minutes, eight of quarters, 35 of hours.
    """INSERT INTO job_queue_minutes (queue, grain, at, samples, seconds, attempts, completed, waits, runs, depth)
       SELECT queue, grain,
              date_bin(grain * interval '1 minute', now(), '2020-01-01') - n * grain * interval '1 minute',
              2, 60, 10, 9, array_fill(1::bigint, ARRAY[17]), array_fill(1::bigint, ARRAY[17]), 5
       FROM unnest(ARRAY['', 'default', 'images', 'mail', 'slow']) queue,
            (VALUES (1, 2880), (15, 768), (60, 840)) AS grains (grain, most), generate_series(0, most) n""",
    "INSERT INTO job_queue_totals (queue, at) VALUES ('', now())",
    """INSERT INTO job_bulk_operations (target, action, selector, upper_bound, state, ended_at, actor_name)
       SELECT 'job', 'retry', '{"filter": {}}', gen_random_uuid(), 'completed', now(), 'owner1'
       FROM generate_series(1, 10000) n""",
)
_TABLES: Final = (
    "job_queue, job_processing_locks, job_dead_letter_queue, job_dead_letter_groups, job_dead_letter_hours, "
    "job_dead_letter_traits, job_audit_log, job_batches, "
    "articles, article_summaries, article_podcasts, ai_calls, meta.sessions, job_log_lines, "
    "job_webhook_endpoints, job_webhook_deliveries, job_bulk_operations, job_queue_minutes, "
    "job_queue_totals, meta.users"
)
_LOGS: Final = """
INSERT INTO request_logs (id, request_id, language_title, timestamp, user_id, status_code, duration_ms)
SELECT analytics.first_uuid7(at), 'r-' || n, 'python-f' || mod(n, 20), at, 'owner' || mod(n, 50),
       CASE WHEN mod(n, 10) = 0 THEN 500 ELSE 200 END, mod(n, 1000)
FROM generate_series(1, 300000) AS n,
     LATERAL (SELECT date_trunc('milliseconds', now() - (300000 - n) * interval '0.2 seconds') AS at) AS t
"""
_ERRORS: Final = """
INSERT INTO error_logs (request_log_id, request_timestamp, timestamp, user_id, error_code, error_message)
SELECT id, timestamp, timestamp, user_id, 'Error' || mod(duration_ms, 70), 'no'
FROM request_logs WHERE status_code = 500
"""


def lay() -> None:
    """Fill the tables, for good, and vacuum them as autovacuum would have; it takes half a minute."""
    with transaction.atomic():
        history.lay(True, JOBS)
        with connection.cursor() as cursor:
            for sql in _BESIDE:
                cursor.execute(sql)
    with connections[alias()].cursor() as cursor:
        cursor.execute("SELECT now() - interval '40 days', now()")
        create_for(list(cursor.fetchone()))
        cursor.execute(_LOGS)
        cursor.execute(_ERRORS)
        cursor.execute("VACUUM ANALYZE request_logs, error_logs")
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {_TABLES}")


def clear() -> None:
    """Leave nothing of it, and nothing that hangs on it."""
    with connections[alias()].cursor() as cursor:
        cursor.execute("TRUNCATE request_logs, error_logs")
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {_TABLES} CASCADE")
        # What the planner has learnt of them would stay, and other tests have tables that it knows nothing about.
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = ANY (%s::regclass[]::oid[])", [_TABLES.split(", ")])
        cursor.execute(f"ANALYZE {_TABLES}")
