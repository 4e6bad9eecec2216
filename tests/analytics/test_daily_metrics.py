"""The days' metrics, what they are kept and cleaned up by, and the commands for both."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, router, transaction

from analytics import chores, daily_metrics, rollups
from analytics.models import (
    CacheMetrics,
    CacheReading,
    ErrorDay,
    ErrorHour,
    LateHour,
    RequestLog,
    RuntimeMetrics,
    UsageDay,
    UsageHour,
)
from jobs.chores import chores as known_chores
from tests.analytics.rows import Failure, Request, lay, roll_up, sql

pytestmark = pytest.mark.django_db

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY = TODAY - timedelta(days=1)
DAY = timedelta(days=1)
#: Roles belong to the server: two runs of the tests at once must not share one.
ROLE = f"refreshes_only_{os.getpid()}"


def day_of(moment: datetime) -> int:
    found = UsageDay.objects.filter(user_id="", language_title="", day=moment)
    return found.values_list("requests", flat=True).first() or 0


def lay_days(number: int) -> None:
    lay(Request(YESTERDAY - n * DAY, cached=bool(n % 2), failures=[Failure("ValueError")]) for n in range(number))
    roll_up(TODAY)


class TestAggregating:
    def test_again_replaces(self):
        lay_days(1)
        assert [daily_metrics.aggregate(YESTERDAY.date()) for _ in range(3)] == [1, 1, 1]
        metrics = RuntimeMetrics.objects.get()
        assert (metrics.timestamp, metrics.language_title, metrics.request_count) == (YESTERDAY, "python-summarize", 1)
        assert CacheMetrics.objects.count() == 1

    def test_without_a_day_it_is_yesterday(self):
        lay_days(2)
        assert rollups.call("aggregate_daily_metrics") == 1
        assert RuntimeMetrics.objects.get().timestamp == YESTERDAY

    def test_a_day_that_gets_late_rows_has_its_metrics_made_again(self):
        lay_days(1)
        daily_metrics.aggregate(YESTERDAY.date())
        lay([Request(YESTERDAY, language_title="node-x")])
        sql("INSERT INTO late_hours (hour) VALUES (%s)", YESTERDAY)
        roll_up(TODAY)
        assert set(RuntimeMetrics.objects.values_list("language_title", flat=True)) == {"python-summarize", "node-x"}

    def test_days_that_have_none_are_made_up_for(self):
        lay_days(3)
        assert daily_metrics.aggregate_missing() == [(YESTERDAY - n * DAY).date() for n in range(3)]
        assert daily_metrics.aggregate_missing() == []
        assert sql("SELECT count(*) FROM daily_stats_mv") == [(3,)]

    def test_what_has_been_cleaned_up_is_not_made_again(self, settings):
        settings.ANALYTICS_METRICS_DAYS = 2
        lay_days(5)
        daily_metrics.aggregate_missing()
        daily_metrics.clean_up_old()
        assert daily_metrics.aggregate_missing() == []
        assert RuntimeMetrics.objects.count() == 2


class TestTheCache:
    def test_a_reading_is_taken(self):
        daily_metrics.read_cache()
        reading = CacheReading.objects.get()
        assert reading.evictions >= 0
        assert reading.memory_usage_mb >= 0

    def test_evictions_are_what_the_counter_rose_by(self):
        lay_days(1)
        # 100 before the day; Redis begins anew at 0 in the midst of it; the last is the next day's.
        for hours, evictions, megabytes in [(-2, 100, 9), (1, 130, 10), (2, 130, 20), (3, 5, 0), (25, 1000, 99)]:
            CacheReading.objects.create(
                taken_at=YESTERDAY + timedelta(hours=hours), evictions=evictions, memory_usage_mb=megabytes
            )
        daily_metrics.aggregate(YESTERDAY.date())
        metrics = CacheMetrics.objects.get()
        assert (metrics.evictions, metrics.memory_usage_mb) == (35, 10)

    def test_without_readings_what_was_known_stays(self):
        lay_days(1)
        daily_metrics.aggregate(YESTERDAY.date())
        assert CacheMetrics.objects.get().evictions == 0
        CacheMetrics.objects.update(evictions=7, memory_usage_mb=3.5)
        daily_metrics.aggregate(YESTERDAY.date())
        metrics = CacheMetrics.objects.get()
        assert (metrics.evictions, metrics.memory_usage_mb) == (7, 3.5)

    def test_more_than_the_column_holds(self):
        lay_days(1)
        for hours, evictions in [(1, 0), (2, 2**40)]:
            at = YESTERDAY + timedelta(hours=hours)
            CacheReading.objects.create(taken_at=at, evictions=evictions, memory_usage_mb=0)
        daily_metrics.aggregate(YESTERDAY.date())
        assert CacheMetrics.objects.get().evictions == 2**31 - 1


class TestPruning:
    def test_hours_go_and_days_stay(self, settings):
        settings.ANALYTICS_HOURLY_DAYS = 2
        lay_days(5)
        assert rollups.prune() > 0
        assert UsageHour.objects.filter(hour__lt=TODAY - 2 * DAY).count() == 0
        assert UsageHour.objects.count() > 0
        assert ErrorHour.objects.earliest("hour").hour >= TODAY - 2 * DAY
        assert ErrorDay.objects.filter(user_id="").count() == 5
        assert [day_of(YESTERDAY - n * DAY) for n in range(5)] == [1] * 5

    def test_a_late_row_of_a_pruned_day_is_counted_with_all_of_the_day(self, settings):
        settings.ANALYTICS_HOURLY_DAYS = 2
        old = YESTERDAY - 4 * DAY
        lay_days(5)
        rollups.prune()
        lay([Request(old + timedelta(hours=9))])
        sql("INSERT INTO late_hours (hour) VALUES (%s)", old + timedelta(hours=9))
        roll_up(TODAY)
        assert day_of(old) == 2

    def test_a_late_row_of_a_day_whose_log_has_gone_changes_nothing(self, settings):
        settings.ANALYTICS_HOURLY_DAYS = 2
        old = YESTERDAY - 4 * DAY
        lay([Request(old + timedelta(hours=n)) for n in range(5)])
        roll_up(TODAY)
        rollups.prune()
        sql("DELETE FROM request_logs")
        lay([Request(old)])
        sql("INSERT INTO late_hours (hour) VALUES (%s)", old)
        roll_up(TODAY)
        assert (day_of(old), LateHour.objects.count()) == (5, 0)

    def test_an_hour_whose_log_has_gone_stays_as_it_was(self):
        lay([Request(YESTERDAY)] * 3)
        roll_up(TODAY)
        sql("DELETE FROM request_logs")
        assert rollups.call("roll_up_hour", YESTERDAY) == 3
        rollups.call("roll_up_day", YESTERDAY)
        assert day_of(YESTERDAY) == 3


class TestCommands:
    def test_a_day(self, capsys):
        lay_days(2)
        call_command("aggregate_metrics", "--date", str(YESTERDAY.date()))
        assert capsys.readouterr().out == "1 days, 1 rows of metrics.\n"

    def test_several_days_counted_anew(self, capsys):
        lay_days(3)
        UsageDay.objects.all().delete()
        UsageHour.objects.all().delete()
        first = (YESTERDAY - 2 * DAY).date()
        call_command("aggregate_metrics", "--from", str(first), "--roll-up")
        assert capsys.readouterr().out == "3 days, 3 rows of metrics.\n"
        assert [day_of(YESTERDAY - n * DAY) for n in range(3)] == [1] * 3

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--date", "2026-01-01", "--from", "2026-01-01"], "Give either --date, or --from and --to."),
            (["--to", "2026-01-01"], "Give --from beside --to."),
            (["--from", "2026-01-02", "--to", "2026-01-01"], "2026-01-02 is after 2026-01-01."),
            (["--date", "soon"], "Error: argument --date: 'soon' is not a day such as 2026-01-31"),
        ],
    )
    def test_what_makes_no_sense_is_said(self, arguments, sentence):
        with pytest.raises(CommandError) as caught:
            call_command("aggregate_metrics", *arguments)
        assert str(caught.value) == sentence

    def test_cleaning_up(self, capsys):
        lay_days(5)
        daily_metrics.aggregate_missing()
        CacheReading.objects.create(taken_at=TODAY - 10 * DAY, evictions=1, memory_usage_mb=1)
        call_command("cleanup_metrics", "--days", "3")
        # Of two days: one of each kind of metrics, the errors of one function for everyone and for the user; a reading.
        assert capsys.readouterr().out == "9 rows deleted.\n"
        assert RuntimeMetrics.objects.earliest("timestamp").timestamp >= TODAY - 3 * DAY
        assert ErrorDay.objects.earliest("day").day >= TODAY - 3 * DAY
        assert day_of(YESTERDAY - 4 * DAY) == 1, "figures by the day are kept"


def test_all_of_it_is_a_chore_of_the_workers():
    chores.register()
    ours = {"roll-ups", "hourly figures", "cache readings", "daily metrics", "old metrics"}
    assert ours <= known_chores.keys()
    lay([Request(YESTERDAY)])
    for name in ("roll-ups", "hourly figures", "cache readings", "daily metrics", "old metrics"):
        known_chores[name].act()
    assert RuntimeMetrics.objects.get().timestamp == YESTERDAY
    assert day_of(YESTERDAY) == 1


def test_days_between():
    assert rollups.days_between(date(2026, 2, 28), date(2026, 3, 1)) == [date(2026, 2, 28), date(2026, 3, 1)]


def test_who_owns_nothing_may_refresh_but_not_change_the_view():
    """Workers call the function; what it does, only the owner may."""
    lay_days(1)
    sql(f"CREATE ROLE {ROLE}")
    sql(f"GRANT USAGE ON SCHEMA analytics TO {ROLE}")
    sql(f"SET LOCAL ROLE {ROLE}")
    with pytest.raises(ProgrammingError, match="permission denied for function"):
        try_sql("SELECT analytics.refresh_daily_stats()")
    sql("RESET ROLE")
    sql(f"GRANT EXECUTE ON FUNCTION analytics.refresh_daily_stats() TO {ROLE}")
    sql(f"SET LOCAL ROLE {ROLE}")
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        try_sql("REFRESH MATERIALIZED VIEW analytics.daily_stats_mv")
    sql("SELECT analytics.refresh_daily_stats()")
    sql("RESET ROLE")
    assert sql("SELECT total_requests FROM daily_stats_mv") == [(1,)]


def try_sql(statement: str) -> None:
    with transaction.atomic(using=router.db_for_write(RequestLog)):
        sql(statement)
