"""Moments as they are typed: a date or a time stands for all of the period that it names, as in Elasticsearch."""

import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,6}))?)?)?"
    r"(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_MATH: Final = re.compile(r"(?P<sign>[+-])(?P<count>\d{1,6})?(?P<unit>[yMwdhHms])|/(?P<rounded>[yMwdhHms])", re.ASCII)
_UNITS: Final = ("year", "month", "day", "hour", "minute", "second")
_BEGINNING: Final = (1, 1, 1, 0, 0, 0)
_TICK: Final = timedelta(microseconds=1)
_STEPS: Final = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "H": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_KEPT: Final = {"y": 1, "M": 2, "w": 3, "d": 3, "h": 4, "H": 4, "m": 5, "s": 6}
_FORMS: Final = (
    "Moments are written as 2026, 2026-01, 2026-01-31, 2026-01-31T09:30, 2026-01-31T09:30:00+02:00, "
    "now, now-7d, now/d or 2026-01-31||+1M"
)


class Period(NamedTuple):
    start: datetime
    #: The first moment after it; None if there is none, at the end of the calendar.
    end: datetime | None


def period(text: str, now: datetime) -> Period:
    """Read a moment and all that it stands for, in UTC unless it says otherwise; raise ValueError with the reason."""
    anchor, math = _split(text)
    try:
        found = Period(now, _after(now, _add_tick)) if anchor is None else _dated(anchor)
        return _calculated(found, math) if math else found
    except OverflowError:
        raise ValueError(f'"{text}" is outside of the years 1 to 9999.') from None


def _split(text: str) -> tuple[str | None, str]:
    """Part the date from its arithmetic; the date is None for now."""
    if text[:3].lower() == "now":
        anchor, math = None, text[3:]
    else:
        anchor, _, math = text.partition("||")
    if "".join(match.group() for match in _MATH.finditer(math)) != math:
        raise ValueError(f'"{text}" is no moment. {_FORMS}.')
    return anchor, math


def _dated(text: str) -> Period:
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is no moment. {_FORMS}.')
    numbers = [int(match[unit]) for unit in _UNITS if match[unit] is not None]
    fraction = match["fraction"] or ""
    try:
        start = _first_of(numbers).replace(microsecond=int(fraction.ljust(6, "0")))
        offset = _offset(match["offset"])
    except ValueError as error:
        raise ValueError(f'"{text}" is no moment: {error}.') from None
    if fraction:
        end = _after(start, lambda moment: moment + timedelta(microseconds=10 ** (6 - len(fraction))))
    else:
        end = _after(start, lambda moment: _next(moment, "yMdhms"[len(numbers) - 1]))
    return Period(start - offset, None if end is None else end - offset)


def _offset(text: str | None) -> timedelta:
    if text is None or text in "Zz":
        return timedelta(0)
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{text} is no offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if text[0] == "-" else offset


def _calculated(found: Period, math: str) -> Period:
    """Move from the beginning of the period; at last it is one moment, or the unit that it was rounded to."""
    start = found.start
    end: datetime | None = _after(start, _add_tick)
    for match in _MATH.finditer(math):
        if unit := match["rounded"]:
            start = _floor(start, unit)
            end = _after(start, lambda moment, unit=unit: _next(moment, unit))  # type: ignore[misc]
        else:
            count = int(match["count"] or 1)
            start = _moved(start, -count if match["sign"] == "-" else count, match["unit"])
            end = _after(start, _add_tick)
    return Period(start, end)


def _floor(moment: datetime, unit: str) -> datetime:
    if unit == "w":
        moment -= timedelta(days=moment.weekday())
    return _first_of(moment.timetuple()[: _KEPT[unit]])


def _first_of(numbers: Sequence[int]) -> datetime:
    """Give the first moment of a period: of a year, a year and a month, and so on."""
    year, month, day, hour, minute, second = [*numbers, *_BEGINNING[len(numbers) :]]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _moved(moment: datetime, count: int, unit: str) -> datetime:
    if unit in _STEPS:
        return moment + _STEPS[unit] * count
    months = moment.year * 12 + moment.month - 1 + (count * 12 if unit == "y" else count)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    # The 31st of a shorter month is its last day.
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _next(moment: datetime, unit: str) -> datetime:
    return _moved(moment, 1, unit)


def _add_tick(moment: datetime) -> datetime:
    return moment + _TICK


def _after(moment: datetime, step: Callable[[datetime], datetime]) -> datetime | None:
    try:
        return step(moment)
    except OverflowError:
        return None
