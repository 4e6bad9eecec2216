"""Long polls for work: a claim that finds nothing answers when it has found something, or when its time is over."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from jobs.api.waiting import View, let_go, seconds_to_wait
from jobs.api.worker.arrivals import Waiter, arrivals
from jobs.remote.claiming import Claimed, Wish, give_back

MAX_WAITS_PER_USER: Final = 100


@dataclass(slots=True)
class Errand:
    """What a claim is after, left on the request by the first look, and what it has found so far."""

    wish: Wish
    owner: Any
    seconds: float
    preferred: bool
    found: list[Claimed]


def errand_of(request: Request) -> Errand | None:
    """Give the errand of an earlier look of the same request."""
    return getattr(request._request, "errand", None)


def begin(request: Request, wish: Wish) -> Errand:
    """Note what the request is after; raises Throttled when its user waits too often already."""
    seconds, preferred = seconds_to_wait(request)
    if seconds and arrivals.count(request.user.pk) >= MAX_WAITS_PER_USER:
        raise Throttled(wait=10, detail=f"You wait for work {MAX_WAITS_PER_USER} times already.")
    errand = Errand(wish, request.user.pk, seconds, preferred, [])
    request._request.errand = errand  # type: ignore[attr-defined]
    return errand


def waiting_for_work(view: View, again: View) -> Callable[..., Any]:
    """Make a view of a coroutine that calls the view, and the other one whenever there may be work.

    While it waits it holds neither a thread nor a database connection.
    """

    @wraps(view)
    async def claim_or_wait(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = await _look(view, request)
        errand: Errand | None = getattr(request, "errand", None)
        if errand is None or not errand.seconds or errand.found:
            return response
        end = time.monotonic() + errand.seconds
        with arrivals.waiting(errand.wish.queues, errand.owner) as waiter:
            response = await _until_found(again, request, waiter, end)
        if errand.preferred:
            response["Preference-Applied"] = f"wait={errand.seconds:.0f}"
        return response

    return claim_or_wait


async def _until_found(again: View, request: Any, waiter: Waiter, end: float) -> HttpResponseBase:
    while True:
        # At once for the first time: what came before there was a waiter woke nobody.
        response = await _look(again, request)
        left = end - time.monotonic()
        if request.errand.found or response.status_code >= 400 or left <= 0:
            return response
        try:
            await waiter.next(left)
        except TimeoutError:
            return response


async def _look(view: View, request: Any) -> HttpResponseBase:
    looking = asyncio.ensure_future(sync_to_async(let_go)(view, request))
    try:
        return await asyncio.shield(looking)
    except asyncio.CancelledError:
        # The client has gone, and nobody would do what is being claimed for it.
        await looking
        errand: Errand | None = getattr(request, "errand", None)
        if errand is not None and errand.found:
            await sync_to_async(give_back)(errand.found)
        raise
