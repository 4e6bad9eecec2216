"""When a schedule's times are: reads `schedule_interval` and calculates instants. No database here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, Protocol
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from jobs.cron import Cron, Past
from jobs.exceptions import InvalidSchedule, Violation

__all__ = ["Cron", "Every", "Manual", "Past", "Timing", "parse", "timezones"]

EXPRESSION_MAX_LENGTH: Final = 200
LEAST_SECONDS: Final = 1.0
#: Ten years.
MOST_SECONDS: Final = 10 * 366 * 86_400.0

#: Names of time zones that mean another zone on each machine, or none.
_NO_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})


class Timing(Protocol):
    """When something falls due. Every moment is aware; those given are in UTC."""

    def first(self, now: datetime, starts_at: datetime | None) -> datetime | None:
        """Give the first time after now, and not before the start, from which a timedelta counts."""

    def next_after(self, moment: datetime) -> datetime | None:
        """Give the first time after the moment; of a timedelta, the moment is the time before."""

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
        """Give the first so many times after the moment."""

    def past(self, first: datetime, until: datetime, most: int) -> Past:
        """Give the latest of the times from `first`, which is one, to `until`; costs no more however many there are."""

    def describe(self) -> str:
        """Say it in words."""


@dataclass(frozen=True)
class Every:
    """The same time from each to the next, whatever clocks and calendars do."""

    seconds: float

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    def first(self, now: datetime, starts_at: datetime | None) -> datetime | None:
        if starts_at is None:
            return self.next_after(now)
        return starts_at if starts_at > now else starts_at + self.step * ((now - starts_at) // self.step + 1)

    def next_after(self, moment: datetime) -> datetime | None:
        return next(iter(self.upcoming(moment, 1)), None)

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
        room = (datetime.max.replace(tzinfo=UTC) - moment) // self.step
        return [moment + self.step * number for number in range(1, min(count, room) + 1)]

    def past(self, first: datetime, until: datetime, most: int) -> Past:
        count = max((until - first) // self.step + 1, 0)
        return Past([first + self.step * number for number in range(max(count - most, 0), count)], count)

    def describe(self) -> str:
        parts = []
        rest = self.step
        for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
            number, rest = divmod(rest, timedelta(seconds=length))
            if number:
                parts.append(f"{number} {unit}{'s' if number > 1 else ''}")
        if rest:
            seconds = rest.total_seconds()
            parts.append(f"{seconds:g} second{'s' if seconds != 1 else ''}")
        return f"Every {' '.join(parts)}"


@dataclass(frozen=True)
class Manual:
    """Only when somebody says so."""

    def first(self, now: datetime, starts_at: datetime | None) -> datetime | None:
        return None

    def next_after(self, moment: datetime) -> datetime | None:
        return None

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
        return []

    def past(self, first: datetime, until: datetime, most: int) -> Past:
        return Past([], 0)

    def describe(self) -> str:
        return "Only by hand"


def parse(schedule_interval: Any) -> Timing:
    """Read a `schedule_interval`; raises InvalidSchedule, which names every place that is wrong."""
    if not isinstance(schedule_interval, dict):
        raise _invalid("", "type", "must be an object")
    kind = schedule_interval.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _invalid("/type", "type", "must be cron, timedelta or manual")
    known, read = _KINDS[kind]
    given = {name: value for name, value in schedule_interval.items() if name != "type"}
    if unknown := sorted(str(name) for name in given if name not in known):
        raise InvalidSchedule(
            [_violation(f"/{_escape(name)}", "unknown", f"does not belong to {kind}") for name in unknown]
        )
    return read(given)


def _cron(given: dict[str, Any]) -> Cron:
    expression, timezone = given.get("expression"), given.get("timezone", "UTC")
    found = [*_wrong_expression(expression), *_wrong_timezone(timezone)]
    if found:
        raise InvalidSchedule(found)
    return Cron(expression, timezone)  # type: ignore[arg-type]


def _wrong_expression(expression: Any) -> list[Violation]:
    if not isinstance(expression, str) or not 0 < len(expression) <= EXPRESSION_MAX_LENGTH:
        return [_violation("/expression", "type", f"must be a text of 1 to {EXPRESSION_MAX_LENGTH} characters")]
    if "\x00" in expression or not expression.isascii():
        return [_violation("/expression", "cron", "is no cron expression: it has characters that none has")]
    try:
        walk = CronSim(Cron(expression).standard, datetime(2000, 1, 1))
    except CronSimError as error:
        return [_violation("/expression", "cron", f"is no cron expression: {_reason(str(error))}")]
    if next(walk, None) is None:
        return [_violation("/expression", "never", "never comes")]
    return []


def _reason(error: str) -> str:
    field = error.removeprefix("Bad ")
    return "it needs 5 fields, or 6 with seconds first" if field == error else f"the {field} is wrong, or never comes"


def _wrong_timezone(timezone: Any) -> list[Violation]:
    if not isinstance(timezone, str) or timezone not in timezones():
        return [_violation("/timezone", "timezone", "must be the name of a time zone, as in Asia/Tokyo")]
    return []


@cache
def timezones() -> frozenset[str]:
    """Name the time zones there are."""
    return frozenset(available_timezones() - _NO_ZONES)


def _timedelta(given: dict[str, Any]) -> Every:
    seconds = given.get("seconds")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    # What is no number, NaN, fails both comparisons.
    if not number or not LEAST_SECONDS <= seconds <= MOST_SECONDS:  # type: ignore[operator]
        detail = f"must be a number from {LEAST_SECONDS:.0f} to {MOST_SECONDS:.0f}, which is ten years"
        raise _invalid("/seconds", "range", detail)
    return Every(float(seconds))  # type: ignore[arg-type]


def _manual(given: dict[str, Any]) -> Manual:
    return Manual()


_KINDS: Final[dict[str, tuple[frozenset[str], Callable[[dict[str, Any]], Timing]]]] = {
    "cron": (frozenset({"expression", "timezone"}), _cron),
    "timedelta": (frozenset({"seconds"}), _timedelta),
    "manual": (frozenset(), _manual),
}


def _invalid(pointer: str, code: str, detail: str) -> InvalidSchedule:
    return InvalidSchedule([_violation(pointer, code, detail)])


def _violation(pointer: str, code: str, detail: str) -> Violation:
    return Violation(f"/schedule_interval{pointer}", code, detail)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
