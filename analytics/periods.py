"""Stretches of time that figures are given for, made of whole hours or whole days (UTC)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Granularity(StrEnum):
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return timedelta(hours=1) if self is Granularity.HOUR else timedelta(days=1)

    def floor(self, moment: datetime) -> datetime:
        """Give the begin of the hour or day that the moment lies in."""
        hour = moment.replace(minute=0, second=0, microsecond=0)
        return hour if self is Granularity.HOUR else hour.replace(hour=0)

    def ceil(self, moment: datetime) -> datetime:
        """Give the moment itself if an hour or day begins with it, else the begin of the next one."""
        floor = self.floor(moment)
        return floor if floor == moment else floor + self.length


#: A chart of more points shows no more, and no page reads more roll-ups than these: 31 days by the hour, two years by
#: the day.
MOST_POINTS: Final = 744

#: The periods that have a name: they end with the present hour or day.
RANGES: Final = {
    "24h": timedelta(hours=24),
    "48h": timedelta(hours=48),
    "7d": timedelta(days=7),
    "14d": timedelta(days=14),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
    "365d": timedelta(days=365),
}
DEFAULT_RANGE: Final = "7d"
#: Up to here the hours of a period are told apart unless somebody asks for days.
HOURLY_UP_TO: Final = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin`, included, to `end`, which is not; both begin an hour or a day."""

    begin: datetime
    end: datetime
    granularity: Granularity

    @classmethod
    def around(cls, begin: datetime, end: datetime, granularity: Granularity | None = None) -> Period:
        """Make the smallest period that holds both moments; by the hour if it is short, else by the day."""
        unit = granularity or natural_granularity(end - begin)
        return cls(unit.floor(begin), unit.ceil(end), unit)

    @classmethod
    def up_to(cls, moment: datetime, length: timedelta, granularity: Granularity | None = None) -> Period:
        """Make the period of this length that ends with the hour or day of the moment."""
        unit = granularity or natural_granularity(length)
        end = unit.floor(moment) + unit.length
        return cls(unit.floor(end - length), end, unit)

    @property
    def length(self) -> timedelta:
        return self.end - self.begin

    @property
    def points(self) -> int:
        return self.length // self.granularity.length

    def slots(self) -> list[datetime]:
        """Give the begin of every hour or day in it."""
        return [self.begin + number * self.granularity.length for number in range(self.points)]

    def previous(self) -> Period:
        """Give the period of the same length that ends where this one begins."""
        return Period(self.begin - self.length, self.begin, self.granularity)


def natural_granularity(length: timedelta) -> Granularity:
    return Granularity.HOUR if length <= HOURLY_UP_TO else Granularity.DAY
