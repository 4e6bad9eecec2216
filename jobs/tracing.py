"""Where traces are made, if they are: nothing of OpenTelemetry is imported here.

`tracer` is None unless config.telemetry has put one here, and whoever has something to tell asks that first: switched
off, traces cost one comparison.
"""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from jobs.outcomes import Attempt, Outcome

#: W3C trace context of version 00: trace, parent and flags. Neither id may be all zeros.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


class Span(Protocol):
    """One attempt of a job, as its trace sees it."""

    @property
    def traceparent(self) -> str:
        """What a process that goes on with it is given."""

    def ended(self, outcome: "Outcome | None") -> None:
        """Say what the attempt ended in; None where it ended in nothing that is kept."""


class Tracer(Protocol):
    """What the queue tells of its work."""

    def sending(self, rows: Sequence[dict[str, Any]]) -> AbstractContextManager[None]:
        """Tell that these jobs are submitted, and write into their rows what their attempts go on with."""

    def running(self, attempt: "Attempt") -> AbstractContextManager[Span]:
        """Tell that a handler runs, as a part of the trace in which its job was submitted."""

    def continuing(self, traceparent: str | None) -> AbstractContextManager[None]:
        """Go on in another process with what `running` began."""

    def ids(self) -> tuple[str, str] | None:
        """Give the trace and the span that this code runs in."""

    def close(self) -> None:
        """Send what is left, within a few seconds."""


tracer: Tracer | None = None

_NOTHING: Final = nullcontext()


def use(one: Tracer | None) -> None:
    """Tell this tracer from now on."""
    global tracer
    tracer = one


def sending(rows: Sequence[dict[str, Any]]) -> AbstractContextManager[None]:
    """Tell, if anybody is to be told, that these jobs are submitted."""
    return _NOTHING if tracer is None else tracer.sending(rows)


def lawful(traceparent: str | None) -> str | None:
    """Give a trace context as it came, or None for what is none."""
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


def trace_id(traceparent: str | None) -> str | None:
    """Name the trace of a trace context."""
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return found[1] if found else None
