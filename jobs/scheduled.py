"""How a schedule is said in code: `@job("report", schedule="0 9 * * 1-5")`, or with more to say, Scheduled(…)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

#: A cron expression in UTC, seconds from each to the next, a `schedule_interval`, or all there is to say.
Interval = str | timedelta | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A schedule of the system's, defined where its handler is; the next migrate puts it into the database.

    `name` is the job type's unless the job type has several. With `editable` people may change it, and what they have
    changed stays; else they can only switch it off and on. Queue, priority and retries are the job type's.
    """

    interval: Interval
    timezone: str = "UTC"
    name: str = ""
    description: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    queue: str | None = None
    priority: int | None = None
    max_retries: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    misfire: Literal["skip", "latest", "all"] = "latest"
    misfire_cap: int = 10
    overlap: Literal["allow", "skip", "cancel"] = "allow"
    editable: bool = False

    @property
    def schedule_interval(self) -> dict[str, Any]:
        """The interval as it stands in the database."""
        match self.interval:
            case str():
                return {"type": "cron", "expression": self.interval, "timezone": self.timezone}
            case timedelta():
                return {"type": "timedelta", "seconds": self.interval.total_seconds()}
            case _:
                return dict(self.interval)


Definition = Interval | Scheduled | Sequence[Interval | Scheduled]


def definitions(given: Definition | None) -> tuple[Scheduled, ...]:
    """Give what `@job(schedule=…)` says in one form."""
    if given is None:
        return ()
    if isinstance(given, str | timedelta | Mapping | Scheduled):
        given = (given,)
    return tuple(one if isinstance(one, Scheduled) else Scheduled(one) for one in given)
