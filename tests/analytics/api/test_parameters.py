"""Every wrong parameter is named, and none of them is passed over."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.roles import Role
from tests.api_client import client_of, problem
from tests.factories import UserFactory

WRONG = [
    ({"from": "yesterday"}, "from", "date-time"),
    ({"from": "2026-03-01"}, "from", "date-time"),
    ({"from": "1969-12-31T23:59:59Z"}, "from", "out-of-range"),
    ({"to": "3000-01-01T00:00:00Z"}, "to", "out-of-range"),
    ({"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "from", "not-before"),
    ({"from": "2026-03-02T00:00:00Z", "to": "2026-03-02T00:00:00Z"}, "from", "not-before"),
    ({"from": "", "to": "2026-03-02T00:00:00Z"}, "from", "empty"),
    ({"range": "7"}, "range", "invalid"),
    ({"range": "7d", "from": "2026-03-02T00:00:00Z"}, "range", "conflict"),
    ({"granularity": "minute"}, "granularity", "invalid"),
    ({"range": "90d", "granularity": "hour"}, "granularity", "too-fine"),
    ({"from": "2016-03-02T00:00:00Z"}, "granularity", "too-fine"),
    ({"compare": "next"}, "compare", "invalid"),
    ({"language_title": "x" * 129}, "language_title", "max-length"),
    ({"format": "xml"}, "format", "invalid"),
    ({"tz": "Asia/Tokyo"}, "tz", "unknown-parameter"),
    ({"range": ["7d", "24h"]}, "range", "repeated"),
]
PERCENTILES = ["", "100", "-5", "p95", "95,", "50;95", "95,,99", "1e1", "99.999", ",".join(["50"] * 11), "٩٥"]


@pytest.fixture
def client(db):
    return client_of(UserFactory(role=Role.VIEWER))


def named(response):
    [error] = problem(response, 400, "invalid-parameter")["errors"]
    return error["parameter"], error["code"]


@pytest.mark.parametrize(("parameters", "name", "code"), WRONG)
@pytest.mark.parametrize("report", ["usage", "timeseries"])
def test_wrong_parameters_are_named(client, report, parameters, name, code):
    assert named(client.get(f"/api/v1/analytics/{report}", parameters)) == (name, code)


@pytest.mark.parametrize("text", PERCENTILES)
def test_wrong_percentiles_are_named(client, text):
    response = client.get("/api/v1/analytics/performance", {"percentiles": text})
    assert named(response) == ("percentiles", "invalid" if text else "empty")


@pytest.mark.parametrize("report", ["usage", "errors", "cache"])
def test_percentiles_are_refused_where_none_are_told(client, report):
    response = client.get(f"/api/v1/analytics/{report}", {"percentiles": "50"})
    assert named(response) == ("percentiles", "unknown-parameter")


def test_a_wrong_parameter_of_a_table_is_a_problem_too(client):
    response = client.get("/api/v1/analytics/usage", {"range": "x"}, HTTP_ACCEPT="text/csv")
    assert named(response) == ("range", "invalid")


def test_hours_that_are_gone_are_days(client, settings):
    settings.ANALYTICS_HOURLY_DAYS = 35
    old = {"from": "2026-03-01T10:20:00Z", "to": "2026-03-01T12:00:00Z"}
    assert client.get("/api/v1/analytics/timeseries", old).json()["granularity"] == "day"
    refused = client.get("/api/v1/analytics/timeseries", {**old, "granularity": "hour"})
    assert named(refused) == ("granularity", "too-old")
    month = {"range": "30d", "granularity": "hour"}
    assert client.get("/api/v1/analytics/timeseries", month).status_code == 200
    assert named(client.get("/api/v1/analytics/timeseries", {**month, "compare": "previous"})) == (
        "granularity",
        "too-old",
    )


def test_by_is_of_usage(client):
    assert named(client.get("/api/v1/analytics/usage", {"by": "user"})) == ("by", "invalid")
    assert named(client.get("/api/v1/analytics/cache", {"by": "time"})) == ("by", "unknown-parameter")


def test_too_many_rows_of_all_functions_are_refused(client):
    fine = {"range": "7d", "granularity": "hour", "by": "time"}
    assert named(client.get("/api/v1/analytics/usage", fine)) == ("granularity", "too-fine")
    assert client.get("/api/v1/analytics/usage", {**fine, "language_title": "python-summarize"}).status_code == 200


@pytest.mark.parametrize(
    ("parameters", "begin", "end", "granularity"),
    [
        (
            {"from": "2026-03-01T10:20:00Z", "to": "2026-03-01T12:00:00Z"},
            "2026-03-01T10:00:00Z",
            "2026-03-01T12:00:00Z",
            "hour",
        ),
        (
            {"from": "2026-03-01T10:20:00+09:00", "to": "2026-03-09T00:00:01Z"},
            "2026-03-01T00:00:00Z",
            "2026-03-10T00:00:00Z",
            "day",
        ),
        ({"to": "2026-03-09T00:00:00Z"}, "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z", "day"),
        (
            {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T12:00:00Z", "granularity": "day"},
            "2026-03-01T00:00:00Z",
            "2026-03-03T00:00:00Z",
            "day",
        ),
    ],
)
def test_periods_are_whole_hours_or_days(client, parameters, begin, end, granularity):
    body = client.get("/api/v1/analytics/cache", parameters).json()
    assert (body["from"], body["to"], body["granularity"]) == (begin, end, granularity)


@pytest.mark.parametrize(
    ("name", "hours", "granularity"), [("24h", 24, "hour"), ("48h", 48, "hour"), ("7d", 168, "day"), (None, 168, "day")]
)
def test_ranges_end_with_the_present_hour_or_day(client, name, hours, granularity):
    body = client.get("/api/v1/analytics/cache", {"range": name} if name else {}).json()
    begin, end = datetime.fromisoformat(body["from"]), datetime.fromisoformat(body["to"])
    assert (end - begin, body["granularity"]) == (timedelta(hours=hours), granularity)
    assert timedelta(0) < end - datetime.now(UTC) <= timedelta(hours=1 if granularity == "hour" else 24)
