"""What a schedule_interval means, in the zones where the clocks are changed."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.exceptions import InvalidSchedule
from jobs.timing import Cron, Every, parse


def cron(expression: str, timezone: str = "UTC") -> Cron:
    timing = parse({"type": "cron", "expression": expression, "timezone": timezone})
    assert isinstance(timing, Cron)
    return timing


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


#: Zone, expression, after which instant (UTC), and the instants that follow. Each was worked out from the zone's law.
CLOCKS = {
    "no change of the clocks": (
        "Asia/Tokyo", "0 9 * * 1-5", "2026-11-20 00:00", ["2026-11-23 00:00", "2026-11-24 00:00"],
    ),
    "half an hour off": ("Asia/Kolkata", "0 9 * * *", "2026-03-07 12:00", ["2026-03-08 03:30", "2026-03-09 03:30"]),
    "three quarters off": ("Asia/Kathmandu", "0 0 * * *", "2026-03-07 12:00", ["2026-03-07 18:15", "2026-03-08 18:15"]),
    "New York skips 2:30: at 3:00": (
        "America/New_York", "30 2 * * *", "2026-03-07 12:00", ["2026-03-08 07:00", "2026-03-09 06:30"],
    ),
    "New York skips 2:00 and 2:30: once at 3:00, not three times": (
        "America/New_York", "0,30 2,3 * * *", "2026-03-08 06:00",
        ["2026-03-08 07:00", "2026-03-08 07:30", "2026-03-09 06:00"],
    ),
    "New York skips 2:30, of an expression with seconds": (
        "America/New_York", "15 30 2 * * *", "2026-03-07 12:00", ["2026-03-08 07:00", "2026-03-09 06:30:15"],
    ),
    "New York skips an hour of an interval": (
        "America/New_York", "*/30 * * * *", "2026-03-08 06:00",
        ["2026-03-08 06:30", "2026-03-08 07:00", "2026-03-08 07:30"],
    ),
    "New York skips what an interval in that hour has": (
        "America/New_York", "*/30 2 * * *", "2026-03-08 00:00", ["2026-03-09 06:00", "2026-03-09 06:30"],
    ),
    "New York shows 1:30 twice: the first time": (
        "America/New_York", "30 1 * * *", "2026-10-31 12:00", ["2026-11-01 05:30", "2026-11-02 06:30"],
    ),
    "New York shows 1:30 twice, of an expression with seconds": (
        "America/New_York", "0 30 1 * * *", "2026-10-31 12:00", ["2026-11-01 05:30", "2026-11-02 06:30"],
    ),
    "New York, from between the two 1:30": (
        "America/New_York", "30 1 * * *", "2026-11-01 05:45", ["2026-11-02 06:30", "2026-11-03 06:30"],
    ),
    "New York, from within the second hour": (
        "America/New_York", "45 1 * * *", "2026-11-01 06:15", ["2026-11-02 06:45"],
    ),
    "New York has an hour twice for an interval": (
        "America/New_York", "*/30 * * * *", "2026-11-01 04:45",
        ["2026-11-01 05:00", "2026-11-01 05:30", "2026-11-01 06:00", "2026-11-01 06:30", "2026-11-01 07:00"],
    ),
    "New York has an hour twice for what is hourly": (
        "America/New_York", "15 * * * *", "2026-11-01 04:45",
        ["2026-11-01 05:15", "2026-11-01 06:15", "2026-11-01 07:15"],
    ),
    "New York, yearly in the hour it has twice": (
        "America/New_York", "* 1 1 11 *", "2026-11-01 05:58",
        ["2026-11-01 05:59", "2026-11-01 06:00", "2026-11-01 06:01"],
    ),
    "London skips 1:30": ("Europe/London", "30 1 * * *", "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:30"]),
    "London shows 1:30 twice": (
        "Europe/London", "30 1 * * *", "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"],
    ),
    "London shows 1:30 on Sundays only": (
        "Europe/London", "30 1 * * SUN", "2026-10-18 12:00", ["2026-10-25 00:30", "2026-11-01 01:30"],
    ),
    "Lord Howe skips half an hour: 2:15 at 2:30": (
        "Australia/Lord_Howe", "15 2 * * *", "2026-10-03 00:00", ["2026-10-03 15:30", "2026-10-04 15:15"],
    ),
    "Lord Howe, after the half hour": (
        "Australia/Lord_Howe", "0 0 3 * * *", "2026-10-03 00:00", ["2026-10-03 16:00", "2026-10-04 16:00"],
    ),
    "Lord Howe skips the half of an interval": (
        "Australia/Lord_Howe", "*/15 2 * * *", "2026-10-03 15:00",
        ["2026-10-03 15:30", "2026-10-03 15:45", "2026-10-04 15:00"],
    ),
    "Lord Howe shows 1:45 twice": (
        "Australia/Lord_Howe", "45 1 * * *", "2026-04-04 00:00", ["2026-04-04 14:45", "2026-04-05 15:15"],
    ),
    "Lord Howe has half an hour twice for an interval": (
        "Australia/Lord_Howe", "*/15 1 * * *", "2026-04-04 14:20",
        ["2026-04-04 14:30", "2026-04-04 14:45", "2026-04-04 15:00", "2026-04-04 15:15", "2026-04-05 14:30"],
    ),
    "Lord Howe, the hour after": (
        "Australia/Lord_Howe", "*/30 2 * * *", "2026-04-04 00:00", ["2026-04-04 15:30", "2026-04-04 16:00"],
    ),
    "Apia skips a whole day": (
        "Pacific/Apia", "0 9 30 12 *", "2011-12-01 00:00", ["2011-12-30 10:00", "2012-12-29 19:00"],
    ),
    "Apia, what is daily": (
        "Pacific/Apia", "0 9 * * *", "2011-12-29 00:00", ["2011-12-29 19:00", "2011-12-30 10:00", "2011-12-30 19:00"],
    ),
    "Apia, an interval": (
        "Pacific/Apia", "0 */12 * * *", "2011-12-29 10:30",
        ["2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00"],
    ),
    "Beirut skips midnight": ("Asia/Beirut", "0 0 * * *", "2026-03-28 12:00", ["2026-03-28 22:00", "2026-03-29 21:00"]),
    "Havana shows midnight twice": (
        "America/Havana", "0 0 * * *", "2026-10-31 12:00", ["2026-11-01 04:00", "2026-11-02 05:00"],
    ),
    "Casablanca goes back for Ramadan": (
        "Africa/Casablanca", "30 2 * * *", "2026-02-14 12:00", ["2026-02-15 01:30", "2026-02-16 02:30"],
    ),
    "a leap day": ("UTC", "0 0 29 2 *", "2026-01-01 00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
    "the last day of a month": ("UTC", "0 0 L * *", "2026-02-01 00:00", ["2026-02-28 00:00", "2026-03-31 00:00"]),
    "the last Friday": ("UTC", "0 12 * * 5L", "2026-11-01 00:00", ["2026-11-27 12:00", "2026-12-25 12:00"]),
    "a day of the month or of the week": (
        "UTC", "0 0 13 * FRI", "2026-11-01 00:00", ["2026-11-06 00:00", "2026-11-13 00:00", "2026-11-20 00:00"],
    ),
    "every second": ("UTC", "* * * * * *", "2026-11-01 00:00:59", ["2026-11-01 00:01:00", "2026-11-01 00:01:01"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CLOCKS)
def test_the_clocks_of_real_zones(case):
    zone, expression, after, expected = CLOCKS[case]
    found = cron(expression, zone).upcoming(utc(after), len(expected))
    assert found == [utc(text) for text in expected]


@pytest.mark.parametrize("case", CLOCKS)
def test_one_by_one_and_backwards_they_are_the_same(case):
    zone, expression, after, _ = CLOCKS[case]
    timing, moment, found = cron(expression, zone), utc(after), []
    for _ in range(12):
        moment = timing.next_after(moment)
        assert moment is not None
        found.append(moment)
    assert found == sorted(set(found)) == timing.upcoming(utc(after), 12)
    for most in (1, 5, 12):
        past = timing.past(found[0], found[-1], most)
        assert (past.latest, past.count) == (found[-most:], 12)
    assert timing.past(found[3], found[-1] - timedelta(microseconds=1), 100).latest == found[3:-1]


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@Daily", "0 0 * * *"),
    ],
)
def test_names_stand_for_expressions(name, expression):
    now = utc("2026-11-21 18:00")
    assert cron(name, "Asia/Tokyo").upcoming(now, 5) == cron(expression, "Asia/Tokyo").upcoming(now, 5)


WRONG = [
    (None, "", "type"),
    ([], "", "type"),
    ({}, "/type", "type"),
    ({"type": "croon"}, "/type", "type"),
    ({"type": ["cron"]}, "/type", "type"),
    ({"type": "cron"}, "/expression", "type"),
    ({"type": "cron", "expression": 5}, "/expression", "type"),
    ({"type": "cron", "expression": "* " * 101}, "/expression", "type"),
    ({"type": "cron", "expression": "* * * *"}, "/expression", "cron"),
    ({"type": "cron", "expression": "60 * * * *"}, "/expression", "cron"),
    ({"type": "cron", "expression": "@reboot"}, "/expression", "cron"),
    ({"type": "cron", "expression": "٥ * * * *"}, "/expression", "cron"),
    ({"type": "cron", "expression": "0 0 30 2 *"}, "/expression", "cron"),
    ({"type": "cron", "expression": "0 0 31 4,6,9,11 *"}, "/expression", "cron"),
    ({"type": "cron", "expression": "0 0 L2 * *"}, "/expression", "cron"),
    ({"type": "cron", "expression": "* * * * *", "timezone": None}, "/timezone", "timezone"),
    ({"type": "cron", "expression": "* * * * *", "timezone": "Mars/Olympus"}, "/timezone", "timezone"),
    ({"type": "cron", "expression": "* * * * *", "timezone": "localtime"}, "/timezone", "timezone"),
    ({"type": "cron", "expression": "* * * * *", "timezone": "../../etc/passwd"}, "/timezone", "timezone"),
    ({"type": "cron", "expression": "* * * * *", "zone": "UTC"}, "/zone", "unknown"),
    ({"type": "cron", "expression": "* * * * *", "a/b~": 1}, "/a~1b~0", "unknown"),
    ({"type": "timedelta"}, "/seconds", "range"),
    ({"type": "timedelta", "seconds": True}, "/seconds", "range"),
    ({"type": "timedelta", "seconds": "90"}, "/seconds", "range"),
    ({"type": "timedelta", "seconds": 0.999}, "/seconds", "range"),
    ({"type": "timedelta", "seconds": float("nan")}, "/seconds", "range"),
    ({"type": "timedelta", "seconds": 10**12}, "/seconds", "range"),
    ({"type": "timedelta", "seconds": 10**400}, "/seconds", "range"),
    ({"type": "manual", "seconds": 5}, "/seconds", "unknown"),
]


@pytest.mark.parametrize(("interval", "pointer", "code"), WRONG, ids=[str(case[0])[:60] for case in WRONG])
def test_what_is_wrong_is_named(interval, pointer, code):
    with pytest.raises(InvalidSchedule) as caught:
        parse(interval)
    assert [(v.pointer, v.code) for v in caught.value.violations] == [(f"/schedule_interval{pointer}", code)]


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(InvalidSchedule) as caught:
        parse({"type": "cron", "expression": "x", "timezone": "y"})
    assert [v.pointer for v in caught.value.violations] == [
        "/schedule_interval/expression",
        "/schedule_interval/timezone",
    ]


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (
            {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "Asia/Tokyo"},
            "At 09:00 on Monday through Friday (Asia/Tokyo)",
        ),
        ({"type": "cron", "expression": "@daily"}, "At 00:00 every day (UTC)"),
        ({"type": "timedelta", "seconds": 90}, "Every 1 minute 30 seconds"),
        ({"type": "timedelta", "seconds": 172_801.5}, "Every 2 days 1.5 seconds"),
        ({"type": "manual"}, "Only by hand"),
    ],
)
def test_it_is_said_in_words(interval, words):
    assert parse(interval).describe() == words


def test_a_timedelta_counts_from_its_start_and_does_not_drift():
    timing = parse({"type": "timedelta", "seconds": 90})
    start = utc("2026-11-21 00:00")
    assert timing.first(start - timedelta(days=1), start) == start
    assert timing.first(start, start) == start + timedelta(seconds=90)
    assert timing.first(start + timedelta(seconds=100), start) == start + timedelta(seconds=180)
    assert timing.first(start, None) == start + timedelta(seconds=90)
    past = timing.past(start, start + timedelta(seconds=450.5), 2)
    assert (past.latest, past.count) == ([start + timedelta(seconds=360), start + timedelta(seconds=450)], 6)


def test_a_start_is_a_time_of_its_own_when_the_clock_says_so():
    timing, start = cron("0 9 * * *"), utc("2026-11-25 09:00")
    assert timing.first(utc("2026-11-21 00:00"), start) == start
    assert timing.first(start, start) == utc("2026-11-26 09:00")


@pytest.mark.parametrize("seconds", [1.0, 1.000001, 0.1 + 0.9, 3.3333333])
def test_a_timedelta_of_a_long_downtime_is_divided_and_not_walked(seconds):
    timing, first = Every(seconds), utc("2016-01-01 00:00")
    began = time.perf_counter()
    past = timing.past(first, first + timedelta(days=3650), 10)
    assert time.perf_counter() - began < 0.5
    assert len(past.latest) == 10 and past.count > 90_000_000
    assert past.latest[-1] <= first + timedelta(days=3650) < past.latest[-1] + timing.step
    assert all((moment - first) % timing.step == timedelta(0) for moment in past.latest)


@pytest.mark.parametrize("expression", ["* * * * * *", "* * * * *", "0 9 * * *"])
def test_a_cron_of_a_long_downtime_is_read_from_its_end(expression):
    timing, until = cron(expression, "America/New_York"), utc("2026-11-21 18:00:30")
    began = time.perf_counter()
    past = timing.past(utc("2016-11-21 18:00"), until, 3)
    # 315,000,000 times for the first of them.
    assert time.perf_counter() - began < 5
    assert len(past.latest) == 3 and past.latest[-1] <= until and timing.next_after(past.latest[-1]) > until
    assert past.count == (Cron.MOST_COUNTED if expression.startswith("*") else 3652)


_NUMBERS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


@st.composite
def field(draw, low, high):
    number = st.integers(low, high)
    kind = draw(st.sampled_from(["*", "one", "list", "range", "step"]))
    if kind == "one":
        return str(draw(number))
    if kind == "list":
        return ",".join(str(one) for one in draw(st.lists(number, min_size=1, max_size=4)))
    if kind == "range":
        first, last = sorted((draw(number), draw(number)))
        return f"{first}-{last}"
    return "*" if kind == "*" else f"*/{draw(st.integers(1, high))}"


expressions = st.builds(
    " ".join, st.tuples(*(field(*_NUMBERS[name]) for name in ("minute", "hour", "day", "month", "weekday")))
)
moments = st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc")))


@settings(max_examples=150, deadline=None)
@given(expressions, zones, moments)
def test_whatever_the_expression_each_time_is_one_that_the_clock_shows(expression, zone, moment):
    try:
        timing = cron(expression, zone)
    except InvalidSchedule:
        return
    assert timing.describe().endswith(f"({zone})")
    found = timing.upcoming(moment, 5)
    assert found == sorted(set(found)) and all(one > moment for one in found)
    assert [timing.next_after(before) for before in [moment, *found[:-1]]] == found
    for one in found:
        wall = one.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        before = (one - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
        skipped = wall - before.replace(tzinfo=None) > timedelta(seconds=1)
        # Either the wall clock shows a time that cronsim gives without any zone, or it has just skipped one.
        assert skipped or next(CronSim(expression, wall - timedelta(seconds=1))) == wall
    if found:
        assert timing.past(found[0], found[-1], 5).latest == found


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.text(alphabet="0123456789*/,-#LW MONFRIJAN@", max_size=30)))
def test_any_text_is_an_expression_or_refused(text):
    try:
        timing = parse({"type": "cron", "expression": text})
    except InvalidSchedule:
        return
    assert timing.describe() and timing.next_after(utc("2026-11-21 18:00"))
