"""Lists read few rows of a long history: the plan of each is looked at with 100,000 jobs in the table."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs.models import DeadLetter, Job
from tests.api_client import client_of
from tests.factories import UserFactory

JOBS = 100_000

#: One in a hundred jobs is pending, one in a hundred ended badly; ids are spread over 30 days.
FILL = """
INSERT INTO job_queue
    (id, job_type, queue, status, created_at, scheduled_at, started_at, completed_at, failed_at, user_id, tags)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || lpad(to_hex(n), 16, '8'))::uuid,
       'type' || n %% 20, 'q' || n %% 5, status, at, at,
       CASE WHEN status <> 'pending' THEN at END, CASE WHEN status = 'completed' THEN at END,
       CASE WHEN status = 'failed' THEN at END,
       (%(users)s::uuid[])[1 + n %% 3], CASE WHEN n %% 1000 = 0 THEN '{rare}'::text[] ELSE '{}' END
FROM (
    SELECT n, clock_timestamp() - (%(jobs)s - n) * interval '26 seconds' AS at,
           coalesce((ARRAY['pending', 'failed', 'cancelled'])[1 + n %% 100], 'completed') AS status
    FROM generate_series(1, %(jobs)s) AS n
) AS made
"""


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[User]:
    with django_db_blocker.unblock():
        users = UserFactory.create_batch(3)
        with connection.cursor() as cursor:
            cursor.execute(FILL, {"users": [user.pk for user in users], "jobs": JOBS})
            cursor.execute("VACUUM ANALYZE job_queue")
        yield users[0]
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE job_queue CASCADE")
        User.objects.filter(pk__in=[user.pk for user in users]).delete()


def explained(client: APIClient, path: str, filters: dict[str, Any], table: str) -> dict[str, Any]:
    """Run the list through the API and give the plan of its query, with the rows that it really read."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path, filters)
    assert response.status_code == 200, response.content
    (sql,) = [each["sql"] for each in queries if f'FROM "{table}"' in each["sql"] and "LIMIT" in each["sql"]]
    assert "COUNT(" not in sql
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.replace('%', '%%')}", [])
        (plan,) = cursor.fetchone()
    found: dict[str, Any] = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return found


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Scan" in plan["Node Type"]:
        yield plan
    for inner in plan.get("Plans", []):
        yield from scans(inner)


def rows_read(plan: dict[str, Any]) -> int:
    """Count what the scans gave and what they threw away."""
    each = ((scan["Actual Loops"], scan["Actual Rows"], scan.get("Rows Removed by Filter", 0)) for scan in scans(plan))
    return sum(int(loops * (given + dropped)) for loops, given, dropped in each)


def on_jobs(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the scans of the job table; a bitmap's index scan names no table."""
    return [scan for scan in scans(plan) if scan.get("Relation Name", "job_queue") == "job_queue"]


def at_times(filters: dict[str, Any]) -> dict[str, Any]:
    """Turn days ago, which keep a test's name the same, into moments."""
    now = timezone.now()
    return {
        name: (now - timedelta(days=value)).isoformat() if name.startswith("created_") else value
        for name, value in filters.items()
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("filters", "index", "most_rows"),
    [
        ({}, "job_queue_pkey", 100),
        ({"status": "completed"}, "job_queue_pkey", 200),
        ({"status": "failed"}, "job_ended_badly", 100),
        ({"status": "pending"}, None, 6_000),
        ({"status": "processing"}, None, 100),
        ({"type": "type3"}, "job_queue_pkey", 2_000),
        ({"queue": "q1", "status": ["completed", "failed"]}, "job_queue_pkey", 500),
        ({"created_after": 2, "created_before": 1}, "job_queue_pkey", 500),
        ({"created_before": 20, "type": "nobody"}, "job_queue_pkey", 40_000),
        ({"created_after": 1, "type": "nobody"}, "job_queue_pkey", 4_000),
        ({"tag": "rare"}, "job_tags", 500),
    ],
    ids=str,
)
def test_staff_lists(filled: User, filters: dict[str, Any], index: str | None, most_rows: int) -> None:
    client = client_of(UserFactory(role=Role.OPERATOR))

    plan = explained(client, "/api/v1/jobs", at_times(filters), Job._meta.db_table)

    used = on_jobs(plan)
    assert "Seq Scan" not in {scan["Node Type"] for scan in used}, plan
    if index:
        assert index in {scan.get("Index Name") for scan in used}, plan
    assert rows_read(plan) <= most_rows, plan


@pytest.mark.django_db
@pytest.mark.parametrize("filters", [{}, {"status": "completed"}, {"type": "type3"}], ids=str)
def test_a_clients_own_list(filled: User, filters: dict[str, Any]) -> None:
    plan = explained(client_of(filled), "/api/v1/jobs", filters, Job._meta.db_table)

    assert {scan.get("Index Name") for scan in on_jobs(plan)} <= {"job_owner", "job_queue_pkey"}, plan
    assert rows_read(plan) <= 4_000, plan


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"resolution": "open"}, "dead_letter_waiting"),
        ({"resolution": "open", "type": "rare"}, "dead_letter_waiting_type"),
        ({"fingerprint": "f7"}, "dead_letter_fingerprint"),
        ({}, "job_dead_letter_queue_pkey"),
    ],
    ids=str,
)
def test_dead_letters(db: None, filters: dict[str, Any], index: str) -> None:
    job = Job.objects.create(job_type="x")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO job_dead_letter_queue
                (original_job_id, job_type, error_fingerprint, resolution_status, resolved_at)
            SELECT %s, CASE WHEN n %% 1000 = 0 THEN 'rare' ELSE 'x' END, 'f' || n %% 500, 'discarded', clock_timestamp()
            FROM generate_series(1, 20000) AS n
            """,
            [job.pk],
        )
        # Each open letter needs a job of its own that is a dead letter.
        cursor.execute(
            """
            WITH made AS (
                INSERT INTO job_queue (job_type, status, failed_at)
                SELECT 'x', 'dead_letter', clock_timestamp() FROM generate_series(1, 500) RETURNING id)
            INSERT INTO job_dead_letter_queue (original_job_id, job_type, error_fingerprint)
            SELECT id, CASE WHEN random() < 0.1 THEN 'rare' ELSE 'x' END, 'open' FROM made
            """
        )
        cursor.execute("ANALYZE job_dead_letter_queue")
    client = client_of(UserFactory(role=Role.OPERATOR))

    plan = explained(client, "/api/v1/dead-letters", filters, DeadLetter._meta.db_table)

    assert index in {scan.get("Index Name") for scan in scans(plan)}, plan
    assert rows_read(plan) <= 1_000, plan
