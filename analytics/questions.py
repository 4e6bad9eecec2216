"""What somebody wants to know, read from the parameters of an address, of the API or of the admin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings

from accounts.api.fields import read_moment
from analytics.periods import DEFAULT_RANGE, MOST_POINTS, RANGES, Granularity, Period

#: Up to ten of them, with up to two decimals.
PERCENTILES: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?(,[0-9]{1,2}(\.[0-9]{1,2})?){0,9}", re.ASCII)
#: So many hours or days are told of all functions at most; of a single one, as many as a chart has points.
MOST_SLOTS: Final = 100
USUAL_PERCENTILES: Final = (50.0, 90.0, 95.0, 99.0)
TITLE_MAX_LENGTH: Final = 128
#: Nothing was logged before, and nobody asks about later; the calendar's own ends cannot be rounded.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)


class BadQuestion(Exception):
    """A parameter is wrong."""

    def __init__(self, parameter: str, code: str, detail: str) -> None:
        super().__init__(f"{parameter}: {detail}")
        self.parameter = parameter
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Question:
    period: Period
    #: None asks about all functions.
    language_title: str | None = None
    percentiles: tuple[float, ...] = USUAL_PERCENTILES
    #: Whether to compare with the period before.
    compare: bool = False


def read(given: Mapping[str, str], now: datetime) -> Question:
    """Read the parameters `range`, `from`, `to`, `granularity`, `language_title`, `percentiles` and `compare`.

    Raises BadQuestion for the first that is wrong.
    """
    period = _within_hours(_read_period(given, now), given, now)
    if period.points > MOST_POINTS:
        detail = f"That would be {period.points} points, and {MOST_POINTS} are the most. Ask for days, or for less."
        raise BadQuestion("granularity", "too-fine", detail)
    if given.get("compare", "previous") != "previous":
        raise BadQuestion("compare", "invalid", "Must be previous, or be left out.")
    return Question(
        period, _read_title(given.get("language_title")), _read_percentiles(given), compare="compare" in given
    )


def _read_period(given: Mapping[str, str], now: datetime) -> Period:
    unit = _read_granularity(given.get("granularity"))
    begin, end = _read_moment(given, "from"), _read_moment(given, "to")
    if "range" in given:
        if begin or end:
            raise BadQuestion("range", "conflict", "Give either range, or from and to.")
        if given["range"] not in RANGES:
            raise BadQuestion("range", "invalid", f"Must be one of {', '.join(RANGES)}.")
        return Period.up_to(now, RANGES[given["range"]], unit)
    if begin is None and end is None:
        return Period.up_to(now, RANGES[DEFAULT_RANGE], unit)
    if begin is None:
        return Period.around(max(EARLIEST, (end or now) - RANGES[DEFAULT_RANGE]), end or now, unit)
    end = end or max(now, begin + Granularity.HOUR.length)
    if begin >= end:
        raise BadQuestion("from", "not-before", "Must be before to.")
    return Period.around(begin, end, unit)


def _within_hours(period: Period, given: Mapping[str, str], now: datetime) -> Period:
    """Turn to days where hours are not kept any more; refuse if somebody asks for hours by name."""
    oldest = period.previous().begin if "compare" in given else period.begin
    kept = settings.ANALYTICS_HOURLY_DAYS
    if period.granularity is not Granularity.HOUR or oldest >= Granularity.DAY.floor(now) - timedelta(days=kept):
        return period
    if "granularity" in given:
        raise BadQuestion("granularity", "too-old", f"Hours are kept for {kept} days: ask for days, or for later ones.")
    return Period.around(period.begin, period.end, Granularity.DAY)


def _read_granularity(text: str | None) -> Granularity | None:
    if text is None:
        return None
    if text not in list(Granularity):
        raise BadQuestion("granularity", "invalid", "Must be hour or day.")
    return Granularity(text)


def _read_moment(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    moment = read_moment(given[name])
    if moment is None:
        raise BadQuestion(name, "date-time", "Must be a date and time such as 2026-01-31T09:00:00Z.")
    if not EARLIEST <= moment < LATEST:
        raise BadQuestion(name, "out-of-range", "Must lie between the years 1970 and 2999.")
    return moment


def _read_title(title: str | None) -> str | None:
    if title is not None and len(title) > TITLE_MAX_LENGTH:
        raise BadQuestion("language_title", "max-length", f"Has at most {TITLE_MAX_LENGTH} characters.")
    return title


def _read_percentiles(given: Mapping[str, str]) -> tuple[float, ...]:
    text = given.get("percentiles")
    if text is None:
        return USUAL_PERCENTILES
    if not PERCENTILES.fullmatch(text):
        raise BadQuestion("percentiles", "invalid", "Must be numbers below 100 such as 50,95,99.9, ten at most.")
    return tuple(sorted({float(part) for part in text.split(",")}))
