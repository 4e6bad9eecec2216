from collections.abc import Awaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise, but without a thread per request: clients that wait for a job would hold one all the while."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        # Its only other act is to look a path up, so both worlds share it: one gets an answer, the other an awaitable.
        found: Any = super().__call__(request)
        return _at_once(found) if iscoroutinefunction(self) and isinstance(found, HttpResponseBase) else found


async def _at_once(response: HttpResponseBase) -> HttpResponseBase:
    return response
