import math
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from jobs import options
from jobs.exceptions import InvalidOption
from jobs.options import Options
from jobs.statuses import Priority
from jobs.uniqueness import Unique

YEAR = 366 * 86_400

GOOD = {
    "queue": ["default", "a", "A-b_c.d", "-", "9" * 64],
    "priority": [0, 100, Priority.HIGH],
    "delay": [0, 0.5, YEAR, timedelta(0), timedelta(seconds=YEAR), None],
    "max_retries": [0, 100, None],
    "timeout": [0.001, 1, 7 * 86_400, None],
    "tags": [[], ["a"], ("a", "b"), ["x" * 64] * 10, ["走る"]],
    "metadata": [{}, {"a": {"b": [1, None]}}, {"x": "y" * 65_000}],
    "unique_key": ["k", "x" * 255, "", None],
    "unique": [Unique(), None],
    "concurrency_key": ["k", "x" * 255, None],
    "concurrency_limit": [1, 100_000, None],
    "rate_limit": ["60/m", "10/30s", None],
    "expires_at": [timedelta(seconds=1), timezone.now() + timedelta(days=700), datetime(2000, 1, 2, tzinfo=UTC), None],
    "project_name": ["p", "x" * 255],
    "hostname": ["h"],
    "arch": ["x86_64"],
    "session": ["s", "x" * 255, None],
    "request_id": ["r", "x" * 255, None],
}
BAD = {
    "queue": ["", ".", "..", ".hidden", "a b", "a/b", "a\n", "é", "x" * 65, 5, None, b"a"],
    "priority": [-1, 101, 5.0, "5", True, None],
    "delay": [-0.001, YEAR + 1, math.nan, math.inf, "5", True, timedelta(seconds=-1), timedelta(days=367)],
    "max_retries": [-1, 101, 1.0, "1", True],
    "timeout": [0, -1, 7 * 86_400 + 1, math.nan, math.inf, "5", True, timedelta(1)],
    "tags": ["text", ["x" * 65], ["a"] * 11, [""], [5], [None], ["nul\x00"], ["half\ud800"], {"a"}, None, 5],
    "metadata": [None, [], "x", {1: 2}, {"a": math.nan}, {"a": "\x00"}, {"x": "y" * 65_536}, {"a": object()}],
    "unique": ["skip", {"mode": "skip"}],
    "unique_key": ["x" * 256, "nul\x00", "half\ud800", 5],
    "concurrency_key": ["x" * 256, "nul\x00", 5],
    "concurrency_limit": [0, 100_001, 1.0, "1", True],
    "rate_limit": ["", "60", "0/m", "1/40d", 60],
    "expires_at": [
        60,
        "soon",
        datetime(2026, 1, 1),
        timedelta(0),
        timedelta(days=800),
        datetime.max.replace(tzinfo=UTC),
    ],
    "project_name": ["x" * 256, "nul\x00", 5],
    "hostname": ["x" * 256, "nul\x00", 5],
    "arch": ["x" * 256, "nul\x00", 5],
    "prioriti": [1],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_within_its_bounds(name, value):
    options.check(Options(**{name: value}))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_out_of_its_bounds(name, value):
    with pytest.raises(InvalidOption) as caught:
        options.check(Options(**{name: value}))
    assert caught.value.option == name
    assert str(caught.value) == f"{name}: {caught.value.detail}"


@pytest.mark.parametrize(
    "moment",
    [datetime(2000, 1, 2, tzinfo=UTC), datetime(1975, 8, 26, tzinfo=UTC), timezone.now() + timedelta(days=365), None],
)
def test_moments(moment):
    options.check({"scheduled_at": moment})


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1),
        timezone.now() + timedelta(days=367),
        datetime.max.replace(tzinfo=UTC),
        "now",
        5,
    ],
)
def test_moments_that_are_none(moment):
    with pytest.raises(InvalidOption, match=r"scheduled_at: must"):
        options.check({"scheduled_at": moment})


def test_a_job_is_due_once():
    with pytest.raises(InvalidOption, match="cannot be given together"):
        options.check({"delay": 5, "scheduled_at": timezone.now()})
    options.check({"delay": 5, "scheduled_at": None})


def test_nothing_is_forgotten():
    related = {"user", "workspace", "parent", "depends_on", "on_failure", "batch"}
    assert set(GOOD) | {"scheduled_at"} | related == options.NAMES
