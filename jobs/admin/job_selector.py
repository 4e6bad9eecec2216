"""What the address of the list of jobs finds, in the words of a bulk operation's selector."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.timezone import now

from jobs.admin.box import Reading, reading_of
from jobs.admin.filters import WINDOWS
from jobs.admin.job_choices import without_empty
from jobs.admin.moment_filters import read_moment
from jobs.statuses import Status

#: What is the same in both.
_SAME: Final = ("type", "queue", "schedule")
_MOMENTS: Final = {"from": "created_after", "to": "created_before"}


def job_selector(request: HttpRequest) -> dict[str, Any] | None:
    """Give the selector; None where a selector cannot say it: the beginning of an id, or a word that is none."""
    asked = without_empty(request.GET)
    reading = reading_of(request)
    if reading.error or asked.get("status", Status.PENDING) not in Status.values:
        return None
    if reading.ids:
        first, last = reading.ids
        return {"ids": [str(first)]} if first == last and set(asked) <= {"q"} else None
    wanted: dict[str, Any] = {name: asked[name] for name in _SAME if name in asked}
    if "status" in asked:
        wanted["status"] = [asked["status"]]
    if asked.get("deleted") == "yes":
        wanted["deleted"] = True
    times = _times(asked)
    return None if times is None else {"filter": {**wanted, **times, **_said(reading)}}


def _times(asked: Any) -> dict[str, Any] | None:
    """Give the bounds in time, from now on fixed; None for what is no time."""
    found = {}
    if "window" in asked:
        if asked["window"] not in WINDOWS:
            return None
        found["created_after"] = (now() - WINDOWS[asked["window"]][1]).isoformat()
    for name, bound in _MOMENTS.items():
        if name in asked:
            at = read_moment(asked[name])
            if at is None:
                return None
            if bound in found:
                return None  # two lower bounds
            found[bound] = at.isoformat()
    return found


def _said(reading: Reading) -> dict[str, Any]:
    if reading.tag is not None:
        return {"tag": reading.tag}
    return {"q": reading.query} if reading.query else {}
