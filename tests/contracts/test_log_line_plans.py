"""The log lines of a job are found, replaced and pruned by their key, however many others there are."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import Max

from jobs.admin.job_page import logged
from jobs.log_lines import ATTEMPTS_KEPT, Line, keep
from jobs.models import LogLine
from tests.contracts.plans import nested_plans, plans_of
from tests.jobs.rows import new_job

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

_LINES = """
INSERT INTO job_log_lines (job_id, attempt, slot, number, at, level, logger, message)
SELECT ekiden_uuid7(), 1, 0, 0, now(), 'INFO', 'jobs.handler', 'x' FROM generate_series(1, 20000)
"""


def test_the_key_serves_every_look_at_them() -> None:
    job = new_job()
    with connection.cursor() as cursor:
        cursor.execute(_LINES)
        cursor.execute("ANALYZE job_log_lines")
    late = Line(str(job.pk), ATTEMPTS_KEPT + 2, 0, datetime(2026, 3, 2, tzinfo=UTC), "INFO", "jobs.handler", "x")
    looks = {
        "the page": lambda: logged(job.pk),
        "the API": lambda: list(LogLine.objects.filter(job=job.pk, attempt=2).order_by("number")),
        "the latest": lambda: LogLine.objects.filter(job=job.pk).aggregate(latest=Max("attempt")),
        "keeping": lambda: keep([late], 200),
    }
    for name, look in looks.items():
        for plan in plans_of(look):
            assert "job_log_lines" not in plan.read_whole(), name
            assert plan.indexes("job_log_lines") == {"job_log_lines_pkey"}, name
    for plan in nested_plans(lambda: _prune(job.pk)):
        assert "job_log_lines" not in plan.read_whole()


def _prune(job_id: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT delete_jobs(ARRAY[%s::uuid])", [job_id])
