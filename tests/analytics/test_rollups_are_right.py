"""Random logs: the views and metrics say what the same statements over the raw logs say."""

from datetime import timedelta

import pytest
from django.db import router, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.models import RequestLog
from tests.analytics import oracle
from tests.analytics.compare import same
from tests.analytics.rows import Failure, Request, lay, named, roll_up, sql

pytestmark = pytest.mark.django_db

NOW = timezone.now()
VIEWS = {
    "daily_usage_stats": oracle.DAILY_USAGE_STATS,
    "function_performance": oracle.FUNCTION_PERFORMANCE,
    "error_summary": oracle.ERROR_SUMMARY,
}

failures = st.builds(
    Failure,
    error_code=st.sampled_from(["ValueError", "TimeoutError", "Böse; DROP"]),
    after=st.integers(1, 20 * 3600 * 1000).map(lambda ms: timedelta(milliseconds=ms)),
)
requests = st.builds(
    Request,
    # Some days, so that hours come together; not the seventh, in which "now" decides.
    timestamp=st.tuples(st.integers(0, 5), st.integers(0, 24 * 3600 * 1000 - 1)).map(
        lambda ago: NOW - timedelta(days=ago[0], milliseconds=ago[1])
    ),
    language_title=st.sampled_from(["python-summarize", "node-thumbnail", "python-x"]),
    user_id=st.sampled_from(["alice", "bob", ""]),
    status_code=st.sampled_from([200, 200, 201, 202, 304, 400, 429, 499, 500, 504]),
    duration_ms=st.one_of(st.integers(0, 30), st.integers(0, 5_000_000), st.just(2**31 - 1)),
    cached=st.booleans(),
    runtime_metrics=st.one_of(
        st.none(),
        st.just({"attempts": 1}),
        st.fixed_dictionaries(
            {"memory_usage_mb": st.floats(0, 4096), "cpu_usage_percent": st.one_of(st.none(), st.floats(0, 400))}
        ),
    ),
    failures=st.lists(failures, max_size=2),
)
logs = st.lists(requests, min_size=1, max_size=25)


def check() -> None:
    for view, statement in VIEWS.items():
        same(named(f"SELECT * FROM analytics.{view}"), named(statement))
    sql("SELECT analytics.refresh_daily_stats()")
    same(named("SELECT * FROM analytics.daily_stats_mv"), named(oracle.DAILY_USAGE_STATS))
    for (day,) in sql("SELECT DISTINCT timestamp::date FROM public.request_logs"):
        functions = named(oracle.RUNTIME_METRICS, day)
        assert sql("SELECT analytics.aggregate_daily_metrics(%s)", day) == [(len(functions),)]
        of_day = "SELECT * FROM analytics.{} WHERE timestamp::date = %s"
        same(named(of_day.format("runtime_metrics"), day), functions)
        same(named(of_day.format("cache_metrics"), day), named(oracle.CACHE_METRICS, day))


def check_users() -> None:
    """Each user's own rows, and those of all functions together, by the hour."""
    ours = "SELECT hour, user_id, language_title, requests, errors, duration_sum, counts FROM analytics.usage_hours"
    theirs = """
        SELECT date_trunc('hour', timestamp) AS hour, coalesce(user_id, '') AS user_id,
               coalesce(language_title, '') AS language_title, count(*) AS requests,
               count(*) FILTER (WHERE status_code >= 400) AS errors, sum(duration_ms) AS duration_sum
        FROM public.request_logs
        GROUP BY date_trunc('hour', timestamp), CUBE (user_id, language_title)
        HAVING grouping(user_id) = 1 OR user_id <> ''
    """
    rows = named(ours)
    same(rows, named(theirs))
    assert all(sum(row["counts"]) == row["requests"] for row in rows)


@settings(max_examples=25, deadline=None)
@given(logs, logs)
def test_random_logs_and_what_comes_late(first, late):
    with transaction.atomic(using=router.db_for_write(RequestLog)):
        lay(first)
        roll_up(NOW + timedelta(hours=1))
        check()
        check_users()
        ids = lay([each.at(each.timestamp + timedelta(milliseconds=500)) for each in late])
        # What a job's end changes in a row that has been counted.
        sql("UPDATE public.request_logs SET status_code = 500, duration_ms = duration_ms / 2 + 7 WHERE id = %s", ids[0])
        sql(
            "INSERT INTO analytics.late_hours (hour) SELECT DISTINCT date_trunc('hour', timestamp)"
            " FROM public.request_logs"
        )
        roll_up(NOW + timedelta(hours=1))
        check()
        check_users()
        assert sql("SELECT count(*) FROM analytics.late_hours") == [(0,)]
        transaction.set_rollback(True, using=router.db_for_write(RequestLog))


def test_again_changes_nothing():
    lay(Request(NOW - timedelta(minutes=7 * n), duration_ms=n, failures=[Failure("ValueError")]) for n in range(500))
    roll_up(NOW + timedelta(hours=1))
    tables = ("usage_hours", "usage_days", "error_hours", "error_days")
    compared = "SELECT to_jsonb(t) - 'id' FROM analytics.{} AS t ORDER BY 1"
    before = [sql(compared.format(table)) for table in tables]
    assert all(before)
    sql("INSERT INTO analytics.late_hours (hour) SELECT DISTINCT hour FROM analytics.usage_hours")
    roll_up(NOW + timedelta(hours=1))
    assert [sql(compared.format(table)) for table in tables] == before
