"""The partitions of the request log, as seen and asked for from Python; the rules are SQL functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.db import connections, router

from analytics.models import RequestLog
from jobs.crash_points import crash_point

AHEAD: Final = 3
#: With fewer whole months ahead than so many something has gone wrong: nobody has made any for a month.
FEWEST_AHEAD: Final = 2


@dataclass(frozen=True, slots=True)
class Partition:
    parent: str
    name: str
    #: None: a bound that somebody wrote by hand and that is no moment.
    starts: datetime | None
    ends: datetime | None
    #: A concurrent detach was interrupted; nobody sees its rows any more.
    detaching: bool


def alias() -> str:
    """Give the database that the logs are in."""
    return router.db_for_write(RequestLog)


def existing() -> list[Partition]:
    return [Partition(*row) for row in _rows("SELECT * FROM log_partitions()")]


def old(months: int) -> list[Partition]:
    """Give what `drop_old_partitions` would drop."""
    return [Partition(*row) for row in _rows("SELECT * FROM old_log_partitions(%s)", months)]


def create_ahead(months: int = AHEAD) -> list[str]:
    """Make the partitions of the running month and so many after it; gives the names of new ones."""
    rows = _rows("SELECT create_log_partitions(now(), %s, %s)", months, settings.LOG_PARTITIONS)
    return [name for (name,) in rows]


def create_for(moments: Iterable[datetime]) -> list[str]:
    """Make the partitions that rows of these moments need."""
    days = {moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) for moment in moments}
    names: list[str] = []
    for day in sorted(days):
        names += [name for (name,) in _rows("SELECT create_log_partitions(%s, 0, %s)", day, settings.LOG_PARTITIONS)]
        crash_point("mid_partition_create")
    return names


def drop_old(months: int) -> list[str]:
    """Drop old partitions as those do who own no tables: with a short lock, leaving what is busy."""
    return [name for (name,) in _rows("SELECT drop_old_partitions(%s)", months)]


def months_ahead(now: datetime) -> int:
    """Count the whole months after the running one that have partitions without a gap, of both tables."""
    known = [p for p in existing() if p.starts is not None and p.ends is not None and not p.detaching]
    return min(_months_without_gap([p for p in known if p.parent == parent], now) for parent in _PARENTS)


_PARENTS: Final = ("request_logs", "error_logs")


def _months_without_gap(partitions: list[Partition], now: datetime) -> int:
    reached = now
    for partition in partitions:
        assert partition.starts is not None
        assert partition.ends is not None
        if partition.starts <= reached < partition.ends:
            reached = partition.ends
    # Up to the begin of a month the one before it is whole.
    return max(-1, (reached.year - now.year) * 12 + reached.month - now.month - 1)


def _rows(sql: str, *arguments: Any) -> list[Any]:
    with connections[alias()].cursor() as cursor:
        cursor.execute(sql, arguments)
        return list(cursor.fetchall())
