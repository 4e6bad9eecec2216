"""A span for each request, in the trace of whoever sent it."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from config.telemetry.tracer import OpenTelemetryTracer, note_error
from jobs import tracing

#: Asked every few seconds by machines, and of no interest to anybody.
UNTRACED: Final = ("/health", "/metrics", "/static/")

_propagator: Final = TraceContextTextMapPropagator()
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TraceMiddleware:
    """Stands before all others. It does no I/O, so it runs on threads and on the event loop as it is."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        if not isinstance(tracing.tracer, OpenTelemetryTracer):
            raise MiddlewareNotUsed("No traces are made in this process.")
        self.spans = tracing.tracer.spans
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._answer_async(request)
        if request.path_info.startswith(UNTRACED):
            plain: HttpResponseBase = self.get_response(request)
            return plain
        with self._span(request) as span:
            response: HttpResponseBase = self.get_response(request)
            _describe_answer(span, request, response)
            return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        with self._span(request) as span:
            response: HttpResponseBase = await self.get_response(request)
            _describe_answer(span, request, response)
            return response

    @contextmanager
    def _span(self, request: HttpRequest) -> Iterator[trace.Span]:
        sent = tracing.lawful(request.headers.get("traceparent"))
        carrier = {"traceparent": sent, "tracestate": request.headers.get("tracestate", "")} if sent else {}
        with self.spans.start_as_current_span(
            _method(request),
            context=_propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": _method(request),
                "url.path": request.path_info,
                "url.scheme": request.scheme or "http",
                "network.protocol.version": str(request.META.get("SERVER_PROTOCOL", "HTTP/1.1")).rpartition("/")[2],
            },
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                note_error(span, error)
                raise


def _method(request: HttpRequest) -> str:
    # Clients may send any word, and names of spans are to be few.
    return request.method if request.method in _METHODS else "HTTP"


def _describe_answer(span: trace.Span, request: HttpRequest, response: HttpResponseBase) -> None:
    span.set_attribute("http.response.status_code", response.status_code)
    if request_id := getattr(request, "request_id", None):
        span.set_attribute("ekiden.request_id", request_id)
    match = request.resolver_match
    if match is not None and match.route:
        span.set_attribute("http.route", f"/{match.route.lstrip('^/')}")
        span.update_name(f"{_method(request)} /{match.route.lstrip('^/')}")
    if response.status_code >= 500:
        span.set_attribute("error.type", str(response.status_code))
        span.set_status(Status(StatusCode.ERROR))
