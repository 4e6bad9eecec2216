"""What the queue tells of its work, as spans of OpenTelemetry: named and described by its conventions for messaging."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes, AttributeValue

from jobs import current, tracing
from jobs.outcomes import Attempt, Outcome
from jobs.scrubbing import scrub_head

SYSTEM: Final = "ekiden"
_MESSAGE_MAX_LENGTH: Final = 2_000
_propagator: Final = TraceContextTextMapPropagator()


class OpenTelemetryTracer:
    """A `jobs.tracing.Tracer`. Exporting is the provider's affair: nothing here waits for it."""

    def __init__(self, provider: trace.TracerProvider, close: Callable[[], None]) -> None:
        self.spans = provider.get_tracer("ekiden")
        self.close = close

    @contextmanager
    def sending(self, rows: Sequence[dict[str, Any]]) -> Iterator[None]:
        """Begin a span for jobs that have no trace yet: one, however many they are."""
        new = [row for row in rows if row.get("traceparent") is None]
        if not new:
            yield
            return
        with self.spans.start_as_current_span(
            f"send {new[0]['queue']}",
            kind=SpanKind.PRODUCER,
            attributes=_sent(new),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            traceparent = traceparent_of(span)
            for row in new:
                row["traceparent"] = traceparent
            try:
                yield
            except BaseException as error:
                note_error(span, error)
                raise

    @contextmanager
    def running(self, attempt: Attempt) -> Iterator["AttemptSpan"]:
        """Begin a span that goes on with the job's trace, or a trace of its own."""
        with self.spans.start_as_current_span(
            f"process {attempt.queue}",
            context=_context_of(attempt.traceparent),
            kind=SpanKind.CONSUMER,
            attributes=_run(attempt),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield AttemptSpan(span, attempt)

    @contextmanager
    def continuing(self, traceparent: str | None) -> Iterator[None]:
        token = contexts.attach(_context_of(traceparent))
        try:
            yield
        finally:
            contexts.detach(token)

    def ids(self) -> tuple[str, str] | None:
        span = trace.get_current_span().get_span_context()
        if not span.is_valid:
            return None
        return trace.format_trace_id(span.trace_id), trace.format_span_id(span.span_id)


class AttemptSpan:
    """A `jobs.tracing.Span`."""

    def __init__(self, span: trace.Span, attempt: Attempt) -> None:
        self._span = span
        self._attempt = attempt
        self.traceparent = traceparent_of(span) or ""

    def ended(self, outcome: Outcome | None) -> None:
        """Say the outcome; what an error says was scrubbed when it was described."""
        lost = self._attempt.fenced and outcome is None
        name = "lock_lost" if lost else "completed" if outcome is None else type(outcome).__name__.lower()
        self._span.set_attribute("ekiden.job.outcome", name)
        error: dict[str, Any] | None = getattr(outcome, "error", None)
        if error is None:
            return
        described = {"type": error["error_path"], "message": error["message"], "stacktrace": error["traceback"]}
        self._span.add_event("exception", {f"exception.{key}": value for key, value in described.items()})
        self._span.set_attribute("error.type", error["error_path"])
        self._span.set_status(Status(StatusCode.ERROR, error["message"]))


def traceparent_of(span: trace.Span) -> str | None:
    """Give the span as the W3C header that others go on with."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier.get("traceparent")


def note_error(span: trace.Span, error: BaseException) -> None:
    """Mark a span as failed, without what must not be told."""
    span.set_attribute("error.type", f"{type(error).__module__}.{type(error).__qualname__}")
    span.set_status(Status(StatusCode.ERROR, scrub_head(str(error), _MESSAGE_MAX_LENGTH)))


def _context_of(traceparent: str | None) -> contexts.Context:
    lawful = tracing.lawful(traceparent)
    return _propagator.extract({"traceparent": lawful} if lawful else {}, contexts.Context())


def _sent(rows: Sequence[dict[str, Any]]) -> Attributes:
    attributes: dict[str, AttributeValue] = {
        "messaging.system": SYSTEM,
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": rows[0]["queue"],
        "ekiden.job.type": rows[0]["job_type"],
    }
    if len(rows) == 1:
        return {**attributes, "messaging.message.id": str(rows[0]["id"])}
    return {**attributes, "messaging.batch.message_count": len(rows)}


def _run(attempt: Attempt) -> Attributes:
    attributes: dict[str, AttributeValue] = {
        "messaging.system": SYSTEM,
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": attempt.queue,
        "messaging.message.id": attempt.id,
        "messaging.client.id": current.worker_id(),
        "ekiden.job.type": attempt.job_type,
        "ekiden.job.attempt": attempt.number,
        "ekiden.job.waited_seconds": round(attempt.waited or 0.0, 6),
    }
    return {**attributes, "ekiden.request_id": attempt.request_id} if attempt.request_id else attributes
