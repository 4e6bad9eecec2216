"""One row of the request log for each call that a request made."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from analytics.recorder import recorder
from analytics.requests import rows_of
from jobs.api.calls import Call

_logger = logging.getLogger(__name__)


class RequestLogMiddleware:
    """Log what views said of the work they were asked for.

    It stands before all others, so that it sees the answer as the client does. Requests that ask for no work cost it
    one look at an attribute; it writes nothing itself, so it runs on threads and on the event loop as it is.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        began = time.monotonic()
        if self.is_async:
            return self._answer_async(request, began)
        response: HttpResponseBase = self.get_response(request)
        note(request, response, began)
        return response

    async def _answer_async(self, request: HttpRequest, began: float) -> HttpResponseBase:
        response: HttpResponseBase = await self.get_response(request)
        note(request, response, began)
        return response


def note(request: HttpRequest, response: HttpResponseBase, began: float) -> None:
    """Hand the request's calls to the recorder; whatever happens here, the answer goes out."""
    calls: list[Call] = getattr(request, "calls", [])
    if not calls:
        return
    try:
        recorder.add(rows_of(request, response, calls, time.monotonic() - began))
    except Exception:
        _logger.exception("a request cannot be logged")
