"""The measurement measures what it says, and leaves nothing behind."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from accounts.models import User
from analytics import partitions
from analytics.bench import measures, month
from analytics.models import ErrorHour, RuntimeMetrics, UsageDay, UsageHour
from tests.analytics.rows import sql

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_logs")]


@pytest.fixture(autouse=True)
def two_days(monkeypatch):
    """Two days and two questions each are enough to see that all of it runs."""
    monkeypatch.setattr(month, "END", month.BEGIN + timedelta(days=2))
    monkeypatch.setattr(month, "HOURS", 48)
    monkeypatch.setattr(measures, "TIMES", 2)


def test_figures_of_a_small_log(capsys, monkeypatch):
    counted = {}

    def count(tick):
        (counted["requests"],) = sql("SELECT count(*) FROM request_logs")[0]
        (counted["rolled_up"],) = sql("SELECT sum(requests) FROM usage_days WHERE user_id || language_title = ''")[0]
        (counted["errors"],) = sql("SELECT count(*) FROM error_logs")[0]
        return endpoints(tick)

    endpoints = measures.endpoints
    monkeypatch.setattr(measures, "endpoints", count)
    before = {partition.name for partition in partitions.existing()}
    call_command("bench_analytics", "--rows", "3000", "--json")
    figures = json.loads(capsys.readouterr().out)
    assert counted["requests"] == counted["rolled_up"] == figures["rows"] == 3000
    assert 0 < counted["errors"] < 600
    assert figures["fill_rows_per_s"] > 0
    assert set(figures["endpoints_ms"]) == {"usage", "performance", "errors", "cache", "timeseries"}
    for windows in figures["endpoints_ms"].values():
        assert all(0 < times["p50"] <= times["p95"] for times in windows.values())

    assert {partition.name for partition in partitions.existing()} == before
    for model in (UsageHour, UsageDay, ErrorHour, RuntimeMetrics, User):
        assert not model.objects.exists()


def test_what_an_interrupted_measurement_left_goes_first():
    with month.bench_month():
        sql("SELECT analytics.roll_up_hour(%s)", month.BEGIN)
        UsageDay.objects.create(
            day=month.BEGIN, language_title="", requests=1, successes=1, errors=0, cached=0, duration_sum=1,
            duration_min=1, duration_max=1, cached_duration_sum=0, buckets=[1], counts=[1],
        )  # fmt: skip
        with month.bench_month():
            assert not UsageDay.objects.exists()


def test_people_get_a_table(capsys):
    call_command("bench_analytics", "--rows", "500")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("fill ")
    assert any(line.startswith("timeseries, month by the hour ") for line in lines)
