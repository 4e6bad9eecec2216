"""The reports tell what an independent count of the same requests tells."""

from collections import Counter
from datetime import datetime, timedelta
from statistics import mean

import pytest
from django.db import connections, router
from django.test.utils import CaptureQueriesContext

from analytics.histograms import ERROR_BOUND
from analytics.models import UsageDay
from tests.analytics.api.conftest import BEGIN, DAYS, FUNCTIONS


def counted(requests):
    return {
        "requests": len(requests),
        "successes": sum(200 <= each.status_code < 300 for each in requests),
        "errors": sum(each.status_code >= 400 for each in requests),
        "cached": sum(each.cached for each in requests),
    }


def percentile(durations, percent):
    """Compute what percentile_cont would, without any histogram."""
    ranked = sorted(durations)
    rank = (len(ranked) - 1) * percent / 100
    below = int(rank)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (rank - below)


def test_usage_is_what_was_asked_for(ask, trace):
    body = ask("usage")
    assert [row["language_title"] for row in body["data"]] == list(FUNCTIONS)
    for row in body["data"]:
        mine = trace.of(language_title=row["language_title"])
        assert row.items() >= counted(mine).items()
        assert row["error_rate"] == pytest.approx(row["errors"] / len(mine), abs=1e-4)
        assert row["avg_duration_ms"] == pytest.approx(mean(each.duration_ms for each in mine), abs=0.01)
    assert body["totals"].items() >= counted(trace.requests).items()
    assert body["active_users"] == 2
    assert (body["from"], body["to"], body["granularity"]) == ("2026-03-02T00:00:00Z", "2026-03-06T00:00:00Z", "day")
    assert body["data_through"] >= body["to"]


def test_usage_by_the_day_is_one_row_for_each_function_and_day(ask, trace):
    rows = ask("usage", by="time")["data"]
    told = {(row["time"][:10], row["language_title"]): row["requests"] for row in rows}
    assert told == Counter((f"{each.timestamp:%Y-%m-%d}", each.language_title) for each in trace.requests)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_performance_has_percentiles_within_the_bound(ask, trace):
    rows = ask("performance", percentiles="0,50,95,99.9")["data"]
    for row in rows:
        durations = [each.duration_ms for each in trace.of(language_title=row["language_title"])]
        assert (row["min_duration_ms"], row["max_duration_ms"]) == (min(durations), max(durations))
        assert list(row["percentiles"]) == ["p0", "p50", "p95", "p99.9"]
        for name, value in row["percentiles"].items():
            assert value == pytest.approx(percentile(durations, float(name[1:])), rel=ERROR_BOUND + 1e-4, abs=0.01)
        assert 50 <= row["memory_usage_mb"] <= 51 and row["cpu_usage_percent"] == 20


def test_percentiles_of_all_together_are_not_averages_of_percentiles(ask, trace):
    exact = percentile([each.duration_ms for each in trace.requests], 95)
    told = ask("performance")["totals"]["percentiles"]
    assert told["p95"] == pytest.approx(exact, rel=ERROR_BOUND + 1e-4)
    assert list(told) == ["p50", "p90", "p95", "p99"]


def test_errors_are_failed_attempts_by_kind_with_an_example(ask, trace):
    body = ask("errors")
    failed = [each for each in trace.requests if each.failures]
    told = {(row["language_title"], row["error_code"]): row["errors"] for row in body["data"]}
    assert told == Counter((each.language_title, each.failures[0].error_code) for each in failed)
    assert [row["errors"] for row in body["data"]] == sorted(told.values(), reverse=True)
    assert body["totals"]["errors"] == counted(trace.requests)["errors"] > sum(told.values())
    first = body["data"][0]
    alike = [
        each
        for each in failed
        if (each.language_title, each.failures[0].error_code) == (first["language_title"], first["error_code"])
    ]
    assert first["most_common_status"] == 500
    latest = alike[-1].timestamp.replace(microsecond=alike[-1].timestamp.microsecond // 1000 * 1000)
    assert datetime.fromisoformat(first["last_occurrence"]) == latest + timedelta(milliseconds=1)


def test_cache_counts_hits(ask, trace):
    for row in ask("cache")["data"]:
        mine = trace.of(language_title=row["language_title"])
        hits = [each.duration_ms for each in mine if each.cached]
        assert (row["hits"], row["misses"]) == (len(hits), len(mine) - len(hits))
        assert row["cache_hit_ratio"] == pytest.approx(len(hits) / len(mine), abs=1e-4)
        assert row["avg_hit_ms"] == pytest.approx(mean(hits), abs=0.01)


@pytest.mark.parametrize(("granularity", "points"), [("hour", DAYS * 24), ("day", DAYS)])
def test_timeseries_has_every_slot(ask, trace, granularity, points):
    rows = ask("timeseries", granularity=granularity)["data"]
    width = 13 if granularity == "hour" else 10
    want = Counter(each.timestamp.isoformat()[:width] for each in trace.requests)
    assert len(rows) == points
    assert {row["time"][:width]: row["requests"] for row in rows if row["requests"]} == want
    for empty in (row for row in rows if not row["requests"]):
        assert empty["error_rate"] is None and empty["percentiles"]["p95"] is None


def test_one_function_is_asked_about(ask, trace):
    wanted = "node-thumbnail"
    mine = counted(trace.of(language_title=wanted))
    for report in ("usage", "performance", "cache"):
        body = ask(report, language_title=wanted)
        assert [row["language_title"] for row in body["data"]] == [wanted]
        assert body["totals"]["requests"] == mine["requests"]
    assert sum(row["requests"] for row in ask("timeseries", language_title=wanted)["data"]) == mine["requests"]
    assert {row["language_title"] for row in ask("errors", language_title=wanted)["data"]} == {wanted}


def test_an_unknown_function_has_no_figures(ask, trace):
    body = ask("usage", language_title="cobol-payroll")
    assert body["data"] == [] and body["totals"]["requests"] == 0 and body["totals"]["error_rate"] is None


def test_previous_is_the_period_of_the_same_length_before(ask, trace):
    middle = BEGIN + timedelta(days=2)
    window = {"from": middle.isoformat().replace("+00:00", "Z"), "compare": "previous"}
    body = ask("usage", **window)
    before = [each for each in trace.requests if each.timestamp < middle]
    after = [each for each in trace.requests if each.timestamp >= middle]
    assert body["previous"] == {"from": "2026-03-02T00:00:00Z", "to": "2026-03-04T00:00:00Z"}
    totals = body["totals"]
    assert (totals["requests"], totals["previous"]["requests"]) == (len(after), len(before))
    assert totals["change"]["requests"] == pytest.approx(len(after) / len(before) - 1, abs=1e-4)
    assert totals["change"]["error_rate"] == pytest.approx(
        totals["error_rate"] - totals["previous"]["error_rate"], abs=1e-3
    )
    days = ask("timeseries", granularity="day", **window)["data"]
    assert [day["previous"]["requests"] for day in days] == [
        sum(each.timestamp.day == day for each in before) for day in (2, 3)
    ]
    assert set(days[0]["change"]["percentiles"]) == {"p50", "p90", "p95", "p99"}
    of_days = ask("usage", by="time", granularity="day", **window)["data"]
    assert sum(row["previous"]["requests"] for row in of_days) == len(before)
    for row in ask("errors", **window)["data"]:
        assert row["previous"]["errors"] == sum(
            (each.language_title, each.failures[0].error_code) == (row["language_title"], row["error_code"])
            for each in before
            if each.failures
        )


def test_what_was_nothing_has_no_change(ask, trace):
    body = ask("usage", compare="previous")
    assert body["totals"]["previous"]["requests"] == 0
    assert body["totals"]["change"] == dict.fromkeys(body["totals"]["change"])


@pytest.mark.parametrize("report", ["usage", "performance", "errors", "cache", "timeseries"])
def test_a_new_installation_has_empty_answers(ask, nothing, report):
    body = ask(report, range="24h", compare="previous")
    assert body["data_through"] is None
    assert body["totals"]["requests"] == 0
    assert all(not row["requests"] for row in body["data"])


@pytest.mark.parametrize("report", ["usage", "performance", "errors", "cache", "timeseries"])
def test_the_log_itself_is_not_read(ask, trace, report):
    with CaptureQueriesContext(connections[router.db_for_read(UsageDay)]) as captured:
        ask(report, compare="previous")
    read = [query["sql"] for query in captured if "usage_" in query["sql"] or "error_" in query["sql"]]
    assert 0 < len(read) <= 8
    assert not any("_logs" in query["sql"] for query in captured)
