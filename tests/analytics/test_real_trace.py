"""Fifty thousand requests that others made: every view and report beside DuckDB's own count of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import router, transaction

from analytics import daily_metrics, reports, rollups
from analytics.models import RequestLog
from analytics.periods import Granularity, Period
from tests.analytics.compare import Rows, same
from tests.analytics.rows import named, roll_up, sql
from tests.analytics.trace import Replay, replay

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

SUMS = """
    count(*) AS {requests}, count(*) FILTER (code BETWEEN 200 AND 299) AS {successes},
    count(*) FILTER (code >= 400) AS {errors}, count(*) FILTER (cached) AS {cached}, avg(duration_ms) AS avg_duration_ms
"""
VIEW = SUMS.format(
    requests="total_requests", successes="successful_requests", errors="error_requests", cached="cached_requests"
)


def percentiles(*percents: int) -> str:
    return ", ".join(f"quantile_cont(duration_ms, {p / 100}) AS p{p}_duration_ms" for p in percents)


@pytest.fixture(scope="module")
def trace(django_db_setup: None, django_db_blocker: Any) -> Iterator[Replay]:
    """Replay once for all tests of this file, and take it back."""
    alias = router.db_for_write(RequestLog)
    with django_db_blocker.unblock(), transaction.atomic(), transaction.atomic(using=alias):
        now = datetime.now(UTC)
        found = replay(now)
        roll_up(now + timedelta(hours=1))
        yield found
        found.duckdb.close()
        transaction.set_rollback(True)
        transaction.set_rollback(True, using=alias)


def days(rows: Rows, name: str = "day") -> Rows:
    return [{**row, name: datetime.fromtimestamp(row[name] / 1000, UTC)} for row in rows]


def week(trace: Replay) -> int:
    """The hours of the views that tell of seven days begin here."""
    (begin,) = sql("SELECT now() - interval '7 days'")[0]
    return int(begin.timestamp() * 1000)


def test_the_whole_trace_is_there(trace):
    assert sql("SELECT count(*), count(DISTINCT user_id) FROM request_logs") == [(51_987, 84)]
    assert sql("SELECT sum(requests) FROM usage_hours WHERE user_id = '' AND language_title = ''") == [(51_987,)]


def test_daily_usage_stats_and_the_materialised_view(trace):
    theirs = trace.rows(
        f"SELECT day, language_title, {VIEW}, {percentiles(95, 99)}, count(DISTINCT user_id) AS unique_users"
        " FROM requests GROUP BY day, language_title"
    )
    assert len(theirs) > 300
    same(named("SELECT * FROM daily_usage_stats"), days(theirs))
    daily_metrics.refresh()
    same(named("SELECT * FROM daily_stats_mv"), days(theirs))


def test_function_performance(trace):
    theirs = trace.rows(
        f"SELECT language_title, count(*) AS total_requests, avg(duration_ms) AS avg_duration_ms,"
        f" {percentiles(50, 95, 99)}, min(duration_ms) AS min_duration_ms, max(duration_ms) AS max_duration_ms,"
        " count(*) FILTER (code >= 400) AS error_count, count(*) FILTER (cached) AS cache_hit_count,"
        " round(count(*) FILTER (cached) * 100.0 / count(*), 2) AS cache_hit_ratio"
        " FROM requests WHERE hour > $week GROUP BY language_title",
        week=week(trace),
    )
    assert theirs
    same(named("SELECT * FROM function_performance"), theirs)


ERRORS = """
WITH counted AS (
    SELECT language_title, error_code, code, count(*) AS times, min(ended) AS first_occurrence,
           max(ended) AS last_occurrence
    FROM requests WHERE error_code IS NOT NULL AND hour >= $begin AND hour < $end GROUP BY ALL
)
SELECT language_title, error_code, sum(times)::bigint AS error_count, min(first_occurrence) AS first_occurrence,
       max(last_occurrence) AS last_occurrence, arg_max(code, times) AS most_common_status
FROM counted GROUP BY ALL
"""


def with_times(rows: Rows) -> Rows:
    return days(days(rows, "first_occurrence"), "last_occurrence")


def test_error_summary(trace):
    theirs = trace.rows(ERRORS, begin=week(trace) + 1, end=2**60)
    assert theirs
    same(named("SELECT * FROM error_summary"), with_times(theirs))


def test_metrics_of_every_day(trace):
    runtime = trace.rows(
        f"SELECT day AS timestamp, language_title, avg(duration_ms) AS avg_duration_ms, {percentiles(50, 90, 95, 99)},"
        " count(*) AS request_count, count(*) FILTER (code >= 400) AS error_count,"
        " count(*) FILTER (cached) AS cache_hit_count, avg(memory_mb) AS memory_usage_mb,"
        " avg(cpu_percent) AS cpu_usage_percent FROM requests GROUP BY day, language_title"
    )
    cache = trace.rows(
        "SELECT day AS timestamp, language_title, count(*) FILTER (cached) AS cache_hits,"
        " count(*) FILTER (NOT cached) AS cache_misses, round(count(*) FILTER (cached) / count(*), 4)"
        " AS cache_hit_ratio, coalesce(avg(duration_ms) FILTER (cached), 0) AS avg_cache_latency_ms"
        " FROM requests GROUP BY day, language_title"
    )
    for day in rollups.days_between(trace.began.date(), trace.ended.date()):
        daily_metrics.aggregate(day)
    same(named("SELECT * FROM runtime_metrics"), days(runtime, "timestamp"))
    same(named("SELECT * FROM cache_metrics"), days(cache, "timestamp"))


@pytest.mark.parametrize("user_id", ["", "user8"])
@pytest.mark.parametrize("granularity", list(Granularity))
def test_reports(trace, granularity, user_id):
    period = Period.up_to(trace.ended, timedelta(days=30), granularity)
    mine = f"hour >= $begin AND hour < $end AND ('{user_id}' = '' OR user_id = '{user_id}')"
    window = {"begin": int(period.begin.timestamp() * 1000), "end": int(period.end.timestamp() * 1000)}
    sums = SUMS.format(requests="requests", successes="successes", errors="errors", cached="cached")
    unit = granularity.value

    theirs = trace.rows(f"SELECT language_title, {sums}, {percentiles(50, 99)} FROM requests WHERE {mine}"
                        " GROUP BY language_title", **window)  # fmt: skip
    found = reports.performance(period, [50.0, 99.0], user_id=user_id)
    same([{"language_title": each.language_title, **figures(each.figures)} for each in found], theirs)

    theirs = trace.rows(f"SELECT {unit} AS hour, {sums}, {percentiles(50, 99)} FROM requests WHERE {mine} GROUP BY 1",
                        **window)  # fmt: skip
    points = reports.timeseries(period, [50.0, 99.0], user_id=user_id)
    assert [point.begin for point in points] == period.slots()
    busy = [{"hour": point.begin, **figures(point.figures)} for point in points if point.figures.requests]
    same(busy, days(theirs, "hour"))

    theirs = trace.rows(f"SELECT {unit} AS hour, language_title, {sums} FROM requests WHERE {mine} GROUP BY 1, 2",
                        **window)  # fmt: skip
    used = reports.usage(period, user_id=user_id)
    rows = [{"hour": use.begin, "language_title": use.language_title, **figures(use.figures)} for use in used]
    same(rows, days(theirs, "hour"))

    (theirs,) = trace.rows(f"SELECT {sums}, count(DISTINCT user_id) AS users FROM requests WHERE {mine}", **window)
    total = reports.total(period, user_id=user_id)
    same([{**figures(total), "users": theirs["users"]}], [theirs])
    if not user_id and granularity is Granularity.DAY:
        assert reports.active_users(period) == theirs["users"]


@pytest.mark.parametrize("granularity", list(Granularity))
def test_report_of_errors(trace, granularity):
    period = Period.up_to(trace.ended, timedelta(days=30), granularity)
    theirs = trace.rows(ERRORS, begin=int(period.begin.timestamp() * 1000), end=int(period.end.timestamp() * 1000))
    found = [
        {
            "language_title": group.language_title, "error_code": group.error_code, "error_count": group.errors,
            "first_occurrence": group.first_occurrence, "last_occurrence": group.last_occurrence,
            "most_common_status": group.most_common_status,
        }
        for group in reports.errors(period)
    ]  # fmt: skip
    same(found, with_times(theirs))
    assert RequestLog.objects.filter(id=reports.errors(period)[0].example).exists()
    by_day = sum(sum(point.errors.values()) for point in reports.error_timeseries(period))
    assert by_day == sum(row["error_count"] for row in theirs)


def figures(found: reports.Figures) -> dict[str, Any]:
    named = {f"p{percent}_duration_ms": value for percent, value in zip((50, 99), found.percentiles, strict=False)}
    return {
        "requests": found.requests, "successes": found.successes, "errors": found.errors, "cached": found.cached,
        "avg_duration_ms": found.avg_duration_ms, **named,
    }  # fmt: skip
