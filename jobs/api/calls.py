"""What a view says of the work that a request asked for; the request log is made of it, above this app."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from rest_framework.request import Request

#: The language_title of what a client has made up: the log is not to fill with its names.
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Call:
    """One invoke, execute or job submission."""

    language_title: str
    payload: Any
    #: The job that does the work, if there is one: cached and refused calls have none.
    job_id: UUID | None = None
    cached: bool = False
    #: The job is another request's, which this one shares: it was there already, or somebody asked for the same.
    shared: bool = False


def as_sent(body: Any, name: str) -> Any:
    """Give a member of a body as it came, or all of a body that has no members: the object that a call is noted by."""
    return body.get(name) if isinstance(body, dict) else body


def request_id_of(request: Request) -> str | None:
    """Give the identifier of the request that its job is to carry, so that the job's end is logged."""
    return getattr(request._request, "request_id", None)


def note_call(request: Request, call: Call) -> None:
    """Leave the call on the request. Say it as early as it is known, so that a refusal is logged too.

    A later call without a job, or with one, for the same payload object takes the place of the earlier one.
    """
    calls: list[Call] = getattr(request._request, "calls", [])
    kept = [earlier for earlier in calls if earlier.payload is not call.payload]
    request._request.calls = [*kept, call]  # type: ignore[attr-defined]


def note_calls(request: Request, calls: Sequence[Call]) -> None:
    """Leave exactly these calls on the request, one for each item of a bulk submission."""
    request._request.calls = list(calls)  # type: ignore[attr-defined]
