"""Server-sent events of one job, its status and progress until it has ended; and events that are sent to it."""

import json
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from functools import wraps
from typing import Any, Final
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import idempotent
from accounts.api.views import APIView
from jobs import status_cache
from jobs.api import described
from jobs.api.access import ON_JOBS, visible_jobs
from jobs.api.sent_events import EventSerializer, NewEventSerializer, send
from jobs.api.waiting import View, let_go, refuse_a_crowd
from jobs.api.watching import Glance, Watch, glances, watchers

MEDIA_TYPE: Final = "text/event-stream"

#: Then the client comes again with the last id it saw: proxies and deployments end longer streams anyway.
STREAM_SECONDS: Final = 600.0
#: Proxies drop a connection on which nothing is said.
HEARTBEAT_SECONDS: Final = 15.0
#: What clients wait before they come again, in milliseconds.
COME_BACK_AFTER: Final = 2_000


#: One event, as a client takes it from the stream.
EVENT_SCHEMA: Final = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$", "description": "The version of the job."},
        "event": {"type": "string", "enum": ["status", "progress", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


class InvalidLastEventId(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "Last-Event-ID must be the id of an event of this stream."
    default_code = "bad-request"


class AcceptAnything(DefaultContentNegotiation):
    """A client that accepts only event streams gets one; errors are told as problems all the same."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class JobEventsView(APIView):
    permission_classes = ON_JOBS
    content_negotiation_class = AcceptAnything

    @extend_schema(
        operation_id="jobs_events",
        tags=["jobs"],
        parameters=[described.LAST_EVENT_ID],
        responses={
            (200, MEDIA_TYPE): EVENT_SCHEMA,
            204: OpenApiResponse(description="The job has ended, and you have seen that: do not come again."),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Follow a job.

        Events are `status` and `progress`, and `end` as the last one; their data is a JSON object with job_id, status,
        progress, progress_message and version, their id is the version. A stream ends after ten minutes; come again
        with Last-Event-ID.
        """
        if not visible_jobs(request.user).filter(pk=pk).exists():
            raise Http404
        refuse_a_crowd(request)
        seen = _last_event_id(request)
        glance = glances([pk])[pk]
        if glance.settled:
            # Also when whoever ended it could not say so: who is told of an end finds it.
            status_cache.block([pk])
        if glance.settled and glance.version <= seen:
            return Response(status=status.HTTP_204_NO_CONTENT)
        request._request.stream = events(glance, seen, request.user.pk)  # type: ignore[attr-defined]
        return Response()

    @extend_schema(
        operation_id="jobs_events_send",
        tags=["jobs"],
        request=NewEventSerializer,
        responses={201: OpenApiResponse(EventSerializer, "Sent; the job has it for good."), **described.CONFLICT},
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Tell a job an event.

        A job that waits for it goes on; any other finds it when its handler asks. Events of one name are taken in the
        order in which they were sent, each once. A job that has ended takes none, and 1,000 may wait at most.
        """
        return send(request, pk)


def streaming(view: View) -> Callable[..., Any]:
    """Make a view of a coroutine that asks the view who may come in, and then streams."""

    @wraps(view)
    async def stream_or_refuse(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = await sync_to_async(let_go)(view, request, *args, **kwargs)
        stream = getattr(request, "stream", None)
        if stream is None or request.method == "HEAD":
            return response
        # Nginx would keep events back until its buffer is full.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(stream, content_type=MEDIA_TYPE, headers=headers)

    return stream_or_refuse


async def events(glance: Glance, seen: int, owner: Any) -> AsyncIterator[bytes]:
    """Tell a job's story from this glance on."""
    yield f"retry: {COME_BACK_AFTER}\n\n".encode()
    if glance.version > seen:
        yield _event("status", glance)
    if glance.settled:
        yield _event("end", glance)
        return
    with watchers.watching(glance.job_id, glance.version, owner) as watch:
        async for told in _follow(watch, glance, time.monotonic() + STREAM_SECONDS):
            yield told


async def _follow(watch: Watch, before: Glance, end: float) -> AsyncIterator[bytes]:
    while (left := end - time.monotonic()) > 0:
        try:
            now = await watch.next(min(left, HEARTBEAT_SECONDS))
        except TimeoutError:
            yield b": still here\n\n"
            continue
        if now is None:
            yield b"event: end\ndata: {}\n\n"
            return
        yield _event("progress" if now.status == before.status else "status", now)
        if now.settled:
            yield _event("end", now)
            return
        before = now


def _event(name: str, glance: Glance) -> bytes:
    data = json.dumps(asdict(glance), default=str, ensure_ascii=False)
    return f"id: {glance.version}\nevent: {name}\ndata: {data}\n\n".encode()


def _last_event_id(request: Request) -> int:
    text = request.headers.get("Last-Event-ID")
    if text is None:
        return 0
    if not re.fullmatch("[0-9]{1,18}", text, re.ASCII):
        raise InvalidLastEventId
    return int(text)
