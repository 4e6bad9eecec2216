"""Times of the wall clock as instants.

cronsim tells which times of the wall clock an expression means. Which instants those are is told here, because near a
change of the clocks it has quirks (a change by half an hour, or an expression with seconds). The rule is that of
Debian's cron. A time of day (hour and minute are named) comes once a day: when the clocks are set back, the first time
it is shown, and when they skip it, at the moment they do. An interval (minute or hour begin with `*`) follows the
clock: all that it shows, twice if it shows it twice, and nothing that it skips.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

NAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Past:
    """The latest of the times in a stretch of the past, in order, and how many there were in all."""

    latest: list[datetime]
    count: int


@dataclass(frozen=True)
class Cron:
    """Times of the wall clock in a time zone."""

    expression: str
    timezone: str = "UTC"

    #: Times in the past are counted up to here.
    MOST_COUNTED = 10_000

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def first(self, now: datetime, starts_at: datetime | None) -> datetime | None:
        return self.next_after(now if starts_at is None or starts_at <= now else starts_at - timedelta.resolution)

    def next_after(self, moment: datetime) -> datetime | None:
        return next(iter(self.upcoming(moment, 1)), None)

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
        wall = self._wall(moment) - self._repeated(moment)
        return self._collect(self._walk(wall), lambda instant: instant > moment, count)[:count]

    def past(self, first: datetime, until: datetime, most: int) -> Past:
        wall = self._wall(until) + self._repeated(until) + _SECOND
        found = self._collect(
            self._walk(wall, reverse=True),
            lambda instant: instant <= until,
            max(most, self.MOST_COUNTED),
            lambda instant: instant < first,
        )
        found = sorted(instant for instant in found if instant >= first)
        return Past(found[-most:], min(len(found), max(most, self.MOST_COUNTED)))

    def describe(self) -> str:
        return f"{CronSim(self.standard, datetime(2000, 1, 1)).explain()} ({self.timezone})"

    @property
    def standard(self) -> str:
        """The expression as 5 or 6 fields."""
        return NAMES.get(self.expression.strip().lower(), self.expression)

    @cached_property
    def _is_time_of_day(self) -> bool:
        minute, hour = self.standard.split()[-5:-3]
        return not minute.startswith("*") and not hour.startswith("*")

    def _wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def _repeated(self, moment: datetime) -> timedelta:
        """How much the clocks are set back about that moment: the times so near to it do not come in their order."""
        wall = self._wall(moment)
        return max(self._offset(wall, 0) - self._offset(wall, 1), timedelta(0))

    def _offset(self, wall: datetime, fold: int) -> timedelta:
        offset = wall.replace(tzinfo=self.zone, fold=fold).utcoffset()
        assert offset is not None
        return offset

    def _walk(self, wall: datetime, reverse: bool = False) -> Iterator[datetime]:
        # A date without a zone keeps cronsim from its own handling of the zones.
        return CronSim(self.standard, wall, reverse)

    def _collect(
        self,
        walls: Iterator[datetime],
        wanted: Callable[[datetime], bool],
        count: int,
        is_beyond: Callable[[datetime], bool] = lambda instant: False,
    ) -> list[datetime]:
        """Gather at least `count` wanted instants, in order, unless there are fewer before it goes beyond."""
        found: dict[datetime, None] = {}
        try:
            for wall in walls:
                instants = self._instants(wall)
                found.update(dict.fromkeys(filter(wanted, instants)))
                # Where an hour comes twice the order of the walls is not that of the instants: read all of it.
                if self._offset(wall, 0) == self._offset(wall, 1) and (len(found) >= count or is_beyond(instants[0])):
                    break
        except (OverflowError, ValueError):
            # The calendar's end, or beginning.
            pass
        return sorted(found)

    def _instants(self, wall: datetime) -> list[datetime]:
        first, second = (wall.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        before, after = first.astimezone(UTC), second.astimezone(UTC)
        if before == after:
            return [before]
        if before < after:
            return [before] if self._is_time_of_day else [before, after]
        return [self._skip(after, before)] if self._is_time_of_day else []

    def _skip(self, low: datetime, high: datetime) -> datetime:
        """Find the moment in (low, high] at which the clocks are set ahead."""
        offset = low.astimezone(self.zone).utcoffset()
        while high - low > _SECOND:
            middle = low + (high - low) // 2
            if middle.astimezone(self.zone).utcoffset() == offset:
                low = middle
            else:
                high = middle
        return high.replace(microsecond=0)
