"""Keeping the roll-ups behind the log: the rules are SQL functions, each call of which is a transaction of its own."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connections, router

from analytics.models import UsageHour

#: Hours that one run makes up for at most: the leader has other chores, and comes back in a minute.
MOST_HOURS: Final = 96
#: Of one day at a time, in one transaction.
_AT_ONCE: Final = 24
#: Rows of old hours that one run deletes at most.
MOST_PRUNED: Final = 50_000


def roll_up(most_hours: int = MOST_HOURS, now: datetime | None = None) -> int:
    """Close the hours that are over, roll up what is new or came late, then the open hour; gives the hours done.

    After a downtime it catches up from the oldest hour on, `most_hours` at a time.
    """
    moment = [now] if now else []
    call("close_hours", *moment)
    done = 0
    while done < most_hours and (hours := call("roll_up_hours", min(_AT_ONCE, most_hours - done))):
        done += hours
    call("roll_up_open_hour", *moment)
    return done


def roll_up_days(first: date, last: date, tick: Callable[[date], object] = lambda day: None) -> None:
    """Make the figures of these days (UTC) anew from the log; a day whose log has gone stays as it is."""
    for day in days_between(first, last):
        begin = datetime.combine(day, time(), UTC)
        for hour in range(24):
            call("roll_up_hour", begin + timedelta(hours=hour))
        call("roll_up_day", begin)
        tick(day)


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def prune() -> int:
    """Delete figures of hours that are older than ANALYTICS_HOURLY_DAYS; gives how many rows."""
    pruned: int = call("prune_hours", settings.ANALYTICS_HOURLY_DAYS, MOST_PRUNED)
    return pruned


def call(function: str, *arguments: Any) -> Any:
    """Call one of the functions of the schema `analytics` where the logs are."""
    places = ", ".join(["%s"] * len(arguments))
    with connections[router.db_for_write(UsageHour)].cursor() as cursor:
        # The names are our own.
        cursor.execute(f"SELECT analytics.{function}({places})", arguments)
        (answer,) = cursor.fetchone()
        return answer
