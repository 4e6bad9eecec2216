from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from jobs.admin import display
from jobs.admin.attempts import failed_attempts


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0402, "40 ms"), (1, "1 s"), (59, "59 s"), (90, "1.5 min"), (3600, "1 h"), (36_000, "10 h"), (90_000, "1 d")],
)
def test_span_has_two_figures(seconds, words):
    assert display.span(seconds) == words == display.span(timedelta(seconds=seconds))


def test_moments_look_both_ways_and_keep_the_exact_time():
    assert "3 min ago" in display.moment(now() - timedelta(minutes=3))
    assert "in 5 h" in display.moment(now() + timedelta(hours=5, seconds=1))
    at = datetime(2026, 11, 21, 9, 0, 7, tzinfo=UTC)
    assert "2026-11-21 09:00:07 UTC" in display.moment(at)


def test_histories_of_any_form_are_readable():
    odd = ["text", {"at": "no date", "attempt": 2}, {"at": "2026-11-21T09:00:00"}, None, {"message": {"a": 1}}]
    shown = failed_attempts(odd)
    assert [error.at for error in shown] == [None] * 5
    assert shown[-1].message == "text"
    assert failed_attempts(None) == []
