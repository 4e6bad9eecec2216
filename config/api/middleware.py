from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.rate_limits import Decision
from config.api import request_ids
from config.api.problem_types import for_status
from config.api.problems import MEDIA_TYPE, Problem

#: Programs talk to these: they get problem details, never an HTML page.
PROGRAM_PATHS: Final = ("/api/", "/health", "/metrics")


class ApiMiddleware:
    """Give every answer its request id and its rate limit, and every error of a program's path the problem form.

    It comes first, so that errors of all other middleware pass it. It does no I/O and so runs in both worlds as it is.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        request_ids.bind(request)
        if self.is_async:
            return self._answer_async(request)
        return _finish(request, _refusal(request) or self.get_response(request))

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        return _finish(request, _refusal(request) or await self.get_response(request))


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Stop what no view could make sense of."""
    if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
        return HttpResponse(status=400)
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    if chunked and not request.META.get("CONTENT_LENGTH") and request.path_info.startswith("/api/"):
        # The framework would take a body of unknown length for an empty one.
        return HttpResponse(status=411)
    return None


def _finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if request.path_info.startswith(PROGRAM_PATHS) and response.status_code >= 400:
        _speak_problem(request, response)
    if request.path_info.startswith("/api/") and not response.has_header("Cache-Control"):
        # Answers depend on who asks, so no proxy may hand them to the next one.
        response["Cache-Control"] = "private, no-cache"
    response[request_ids.HEADER] = request.request_id  # type: ignore[attr-defined]
    decision = getattr(request, "rate_limit", None)
    if isinstance(decision, Decision):
        for name, value in decision.headers().items():
            response[name] = value
    request_ids.current.set("")
    return response


def _speak_problem(request: HttpRequest, response: HttpResponseBase) -> None:
    """Replace the page of an error that Django answered by itself; its headers stay."""
    if not isinstance(response, HttpResponse) or "json" in response.get("Content-Type", ""):
        return
    kind = for_status(response.status_code)
    problem = Problem(kind.code, f"{kind.title}.", status=response.status_code)
    body = {**problem.body(request), "status": response.status_code}
    response.content = json.dumps(body).encode()
    response["Content-Type"] = MEDIA_TYPE
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))
