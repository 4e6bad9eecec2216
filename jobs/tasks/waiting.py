"""Sleeping and waiting for events: the worker is free meanwhile, and the database's clock says when it is over."""

import json
import re
from datetime import datetime, timedelta
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.utils import timezone

from jobs.exceptions import EventTimeout, InvalidPayload, Suspension, Violation
from jobs.models import Task
from jobs.tasks.place import Kind, Place, recalled
from jobs.tasks.running import Tasks

LONGEST: Final = timedelta(days=3660)

SLEEP_NAME: Final = "sleep"

#: Names of events come into bodies, logs and pages.
EVENT_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}")


class Wait:
    """One sleep, or one wait for an event."""

    def __init__(self, kind: Kind, name: str, seconds: float | None, until: datetime | None = None) -> None:
        _check(seconds, until)
        self.kind, self.name = kind, name
        self._seconds, self._until = seconds, until

    def begin(self, tasks: Tasks) -> Any:
        """Give what it ended in, or suspend the job."""
        return self._recall_or_look(tasks, tasks.enter(self.kind, self.name))

    async def abegin(self, tasks: Tasks) -> Any:
        place = await tasks.aenter(self.kind, self.name)
        return await sync_to_async(self._recall_or_look)(tasks, place)

    def _recall_or_look(self, tasks: Tasks, place: Place) -> Any:
        finished = place.finished()
        return self._look(tasks, place) if finished is None else recalled(finished)

    def _look(self, tasks: Tasks, place: Place) -> Any:
        tasks.go_on(place)
        given = {"seconds": self._seconds} if self._until is None else {"until": self._until.isoformat()}
        payload = json.dumps({name: value for name, value in given.items() if value is not None})
        timed_out = f"The event {self.name!r} did not come within {self._seconds or 0:g} s."
        looked = tasks.journal.look(
            place.position, self.kind, self.name, payload, self._seconds, self._until, timed_out
        )
        status, result, left = looked
        if status == Task.Status.COMPLETED:
            return None if result is None else json.loads(result)
        if status == Task.Status.FAILED:
            raise EventTimeout(timed_out)
        raise tasks.ends(Suspension(None if left is None else max(0.0, left), self.kind == Kind.EVENT))


def sleeping(
    seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0, until: datetime | None = None
) -> Wait:
    """Make a sleep of so long, or until then."""
    lasting = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    if until is not None and lasting:
        raise ValueError("Say how long to sleep, or until when, not both.")
    return Wait(Kind.SLEEP, SLEEP_NAME, None if until is not None else lasting, until)


def waiting_for(name: str, timeout: float | timedelta | None) -> Wait:
    """Make a wait for an event; a time-out of None is for ever."""
    check_event_name(name)
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    return Wait(Kind.EVENT, name, seconds)


def check_event_name(name: str) -> None:
    """Raise InvalidPayload for what cannot be the name of an event."""
    if not EVENT_NAME.fullmatch(name):
        raise InvalidPayload([Violation("", "pattern", f"must match {EVENT_NAME.pattern}")], "name")


def _check(seconds: float | None, until: datetime | None) -> None:
    if seconds is not None and not 0 <= seconds <= LONGEST.total_seconds():
        raise ValueError(f"A job sleeps or waits between 0 and {LONGEST.days} days, not {seconds} s.")
    if until is not None and (timezone.is_naive(until) or until > timezone.now() + LONGEST):
        raise ValueError(f"`until` must have a time zone and be at most {LONGEST.days} days ahead.")
