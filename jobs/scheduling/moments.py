"""The times of a schedule from now on: never one of the past."""

from datetime import datetime

from django.db import connections, router

from jobs.models import Schedule
from jobs.timing import Timing


def database_time(using: str | None = None) -> datetime:
    """Ask the database what time it is: the only clock that counts."""
    with connections[using or router.db_for_write(Schedule)].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def first_time(timing: Timing, now: datetime, starts_at: datetime | None, ends_at: datetime | None) -> datetime | None:
    """Give the first time after now that lies between start and end, if there is one."""
    return within(timing.first(now, starts_at), ends_at)


def times(
    timing: Timing, now: datetime, starts_at: datetime | None, ends_at: datetime | None, count: int
) -> list[datetime]:
    """Give the first so many times after now that lie between start and end."""
    first = first_time(timing, now, starts_at, ends_at)
    return [] if first is None else following(timing, first, ends_at, count)


def following(timing: Timing, first: datetime, ends_at: datetime | None, count: int) -> list[datetime]:
    """Give so many times from this one on."""
    return [moment for moment in [first, *timing.upcoming(first, count - 1)] if within(moment, ends_at)]


def within(moment: datetime | None, ends_at: datetime | None) -> datetime | None:
    """Give the moment, unless it comes after the end; the end itself is a time like others."""
    return None if moment is None or (ends_at is not None and moment > ends_at) else moment
