"""The attempt that is being run here, and the worker that runs it: what every log line says, whoever writes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from jobs import tracing

if TYPE_CHECKING:
    from jobs.outcomes import Attempt

attempt: Final[ContextVar["Attempt | None"]] = ContextVar("attempt", default=None)

_worker_id = ""


def worker_id() -> str:
    """Name the worker that this process is, or belongs to; "" in other processes."""
    return _worker_id


def works_as(name: str) -> None:
    """Say which worker this process is."""
    global _worker_id
    _worker_id = name


@contextmanager
def running(one: "Attempt") -> Iterator[None]:
    """Have all log lines from here say which attempt they are about."""
    token = attempt.set(one)
    try:
        yield
    finally:
        attempt.reset(token)


def fields(one: "Attempt") -> dict[str, Any]:
    """Give what log lines say of an attempt."""
    named: dict[str, Any] = {"job": one.id, "job_type": one.job_type, "attempt": one.number, "queue": one.queue}
    if one.request_id:
        named["request_id"] = one.request_id
    if one.traceparent:
        named["trace_id"] = tracing.trace_id(one.traceparent)
    return named
