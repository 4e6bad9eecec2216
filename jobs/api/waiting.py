"""Long polls: `GET /jobs/{id}?wait=30` answers when the job has ended, or with what it is by then."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ErrorDetail, Throttled, ValidationError
from rest_framework.request import Request

from jobs.api.watching import watchers
from jobs.models import Job
from jobs.statuses import SETTLED

MAX_SECONDS: Final = 30.0
MAX_WATCHES_PER_USER: Final = 100
#: Versions begin at 1.
UNSEEN: Final = 0
#: What the first answer says of the request and not of the job.
KEPT_HEADERS: Final = ("Cache-Status", "Idempotency-Replayed")

View = Callable[..., HttpResponseBase]

_WAIT: Final = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*', re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a request has to wait for, left on it by the view that let it in."""

    job_id: UUID
    version: int
    owner: Any
    seconds: float
    preferred: bool


def ask_to_wait(request: Request, job: Job) -> None:
    """Note on the request that its answer is to wait for the job's end, if the client wants that."""
    if job.status not in SETTLED:
        ask_to_wait_for(request, job.pk, job.version)


def ask_to_wait_for(request: Request, job_id: UUID, version: int = UNSEEN) -> None:
    """Note the same of a job whose status the client does not know, such as one that it has just submitted."""
    asked, preferred = seconds_to_wait(request)
    if not asked:
        return
    refuse_a_crowd(request)
    wait = Wait(job_id, version, request.user.pk, asked, preferred)
    request._request.wait = wait  # type: ignore[attr-defined]


def refuse_a_crowd(request: Request) -> None:
    if watchers.count(request.user.pk) >= MAX_WATCHES_PER_USER:
        raise Throttled(wait=10, detail=f"You wait for {MAX_WATCHES_PER_USER} jobs already.")


def waiting(view: View, again: View) -> Callable[..., Any]:
    """Make a view of a coroutine that calls the view, waits if that asked for it, and then answers with the other.

    While it waits it holds neither a thread nor a database connection.
    """

    @wraps(view)
    async def wait_and_answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        first = await sync_to_async(let_go)(view, request, *args, **kwargs)
        wait: Wait | None = getattr(request, "wait", None)
        if wait is None:
            return first
        await _settled(wait)
        response = await sync_to_async(again)(request, *args, **kwargs)
        for name in KEPT_HEADERS:
            if name in first:
                response[name] = first[name]
        if wait.preferred:
            response["Preference-Applied"] = f"wait={wait.seconds:.0f}"
        return response

    return wait_and_answer


def let_go(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Call a view and give its thread's database connection back, before the request waits."""
    response = view(request, *args, **kwargs)
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
    return response


async def _settled(wait: Wait) -> None:
    end = time.monotonic() + wait.seconds
    with watchers.watching(wait.job_id, wait.version, wait.owner) as watch:
        while (left := end - time.monotonic()) > 0:
            try:
                glance = await watch.next(left)
            except TimeoutError:
                return
            if glance is None or glance.settled:
                return


def seconds_to_wait(request: Request) -> tuple[float, bool]:
    """Read how long to wait, from the query or from Prefer; what Prefer says and we do not know is no error."""
    text = request.query_params.get("wait")
    if text is not None:
        if not re.fullmatch("[0-9]{1,4000}", text, re.ASCII):
            raise ValidationError({"wait": [ErrorDetail("Must be a whole number of seconds.", code="invalid")]})
        return min(int(text), MAX_SECONDS), False
    for preference in request.headers.get("Prefer", "").split(","):
        if match := _WAIT.fullmatch(preference):
            return min(int(match[1]), MAX_SECONDS), True
    return 0, False
