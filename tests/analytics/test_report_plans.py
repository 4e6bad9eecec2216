"""What the pages ask reads a few pages of the roll-ups by an index, and never the log, at a month of a busy site."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import router, transaction

from analytics import reports
from analytics.models import RequestLog
from analytics.periods import Granularity, Period
from tests.analytics.rows import Request, lay, sql
from tests.contracts.plans import Plan, plans_of
from tests.environment import LOGS_APART

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.skipif(LOGS_APART, reason="not for logs in a database of their own: plans are those of the other one"),
]

DAYS = 31
END = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
BEGIN = END - timedelta(days=DAYS)
MONTH = Period(BEGIN, END, Granularity.DAY)
MONTH_BY_HOUR = Period(BEGIN, END, Granularity.HOUR)
#: Its ends are in the midst of days.
PART = Period(BEGIN + timedelta(hours=5), END - timedelta(hours=5), Granularity.HOUR)
LOGS = {"request_logs", "error_logs"}

#: 20 users with 10 functions each, of 20, every hour: 180,000 rows of hours.
FILL = """
INSERT INTO analytics.usage_{unit}s (
    {unit}, user_id, language_title, requests, successes, errors, cached, duration_sum, duration_min, duration_max,
    cached_duration_sum, buckets, counts
)
SELECT at, CASE u WHEN 0 THEN '' ELSE 'user' || u END, CASE f WHEN 0 THEN '' ELSE 'python-f' || f END,
       3, 2, 1, 0, 100, 1, 90, 0, '{{1,30,50}}', '{{1,1,1}}'
FROM generate_series(%s::timestamptz, %s::timestamptz - interval '1 {unit}', interval '1 {unit}') AS at,
     generate_series(0, 20) AS u, generate_series(0, 20) AS f
WHERE u = 0 OR f = 0 OR (f + u) %% 2 = 0
"""
FILL_ERRORS = """
INSERT INTO analytics.error_{unit}s (
    {unit}, user_id, language_title, error_code, errors, first_occurrence, last_occurrence, statuses, example
)
SELECT at, CASE u WHEN 0 THEN '' ELSE 'user' || u END, 'python-f' || f, 'ValueError', 1, at, at, '{{"500": 1}}',
       gen_random_uuid()
FROM generate_series(%s::timestamptz, %s::timestamptz - interval '1 {unit}', interval '1 {unit}') AS at,
     generate_series(0, 10) AS u, generate_series(1, 10) AS f
"""


@pytest.fixture(scope="module")
def month(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Lay the month once for all tests of this file, and take it back."""
    with django_db_blocker.unblock(), transaction.atomic(using=router.db_for_write(RequestLog)):
        for unit in ("hour", "day"):
            sql(FILL.format(unit=unit), BEGIN, END)
            sql(FILL_ERRORS.format(unit=unit), BEGIN, END)
        sql("ANALYZE usage_hours, usage_days, error_hours, error_days")
        yield
        transaction.set_rollback(True, using=router.db_for_write(RequestLog))


REPORTS: dict[str, tuple[set[str], Callable[[str, str | None], Any]]] = {
    "total": ({"usage_days"}, lambda u, t: reports.total(MONTH, [50.0, 99.0], user_id=u, language_title=t)),
    "total of a part": (
        {"usage_days", "usage_hours"},
        lambda u, t: reports.total(PART, [50.0, 99.0], user_id=u, language_title=t),
    ),
    "performance": ({"usage_days"}, lambda u, t: reports.performance(MONTH, [95.0], user_id=u, language_title=t)),
    "performance by the hour": (
        {"usage_days"},
        lambda u, t: reports.performance(MONTH_BY_HOUR, [95.0], user_id=u, language_title=t),
    ),
    "usage": ({"usage_days"}, lambda u, t: reports.usage(MONTH, user_id=u, language_title=t)),
    "usage by the hour": ({"usage_hours"}, lambda u, t: reports.usage(MONTH_BY_HOUR, user_id=u, language_title=t)),
    "times": ({"usage_days"}, lambda u, t: reports.timeseries(MONTH, [95.0], user_id=u, language_title=t)),
    "times by the hour": (
        {"usage_hours"},
        lambda u, t: reports.timeseries(MONTH_BY_HOUR, [95.0], user_id=u, language_title=t),
    ),
    "errors": ({"error_days"}, lambda u, t: reports.errors(MONTH_BY_HOUR, user_id=u, language_title=t)),
    "errors of a part": ({"error_days", "error_hours"}, lambda u, t: reports.errors(PART, user_id=u, language_title=t)),
    "errors over time": ({"error_days"}, lambda u, t: reports.error_timeseries(MONTH, user_id=u, language_title=t)),
    "errors by the hour": (
        {"error_hours"},
        lambda u, t: reports.error_timeseries(MONTH_BY_HOUR, user_id=u, language_title=t),
    ),
    "active users": ({"usage_days"}, lambda u, t: reports.active_users(MONTH, language_title=t)),
}


@pytest.mark.parametrize("title", [None, "python-f2"], ids=["all functions", "one function"])
@pytest.mark.parametrize("user_id", ["", "user4"], ids=["everyone", "a user"])
@pytest.mark.parametrize("name", REPORTS)
def test_reports_use_indexes_of_the_rollups(month, name, user_id, title):
    tables, ask = REPORTS[name]
    plans = plans_of(lambda: ask(user_id, title))
    assert plans
    for plan in plans:
        assert not plan.read_whole() & (tables | LOGS), plan.root
        assert not touched(plan) & LOGS
    assert all(any(plan.indexes(table) for plan in plans) for table in tables)


def test_a_roll_up_finds_its_hour_by_the_ids(month):
    """Also the newest rows, which no vacuum has summed up for the index on time yet."""
    lay(Request(END + timedelta(seconds=n)) for n in range(2_000))
    hour = (
        "SELECT count(*) FROM request_logs WHERE id >= analytics.first_uuid7(%s) AND id < analytics.first_uuid7(%s)"
        " AND timestamp >= %s AND timestamp < %s"
    )
    end = END + timedelta(minutes=1)
    (plan,) = plans_of(lambda: sql(hour, END, end, END, end))
    assert "Seq Scan" not in {node["Node Type"] for node in plan.nodes()}
    assert len(touched(plan)) == 1, "one partition"


def touched(plan: Plan) -> set[str]:
    names = {node.get("Relation Name", "") for node in plan.nodes()} - {""}
    return {name if "_y" not in name else name.partition("_y")[0] for name in names}
