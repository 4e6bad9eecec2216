"""Where acts on users, keys and logins are written down: a table of jobs, above, which says so when it is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model

Sink = Callable[..., object]

_sinks: list[Sink] = []


def write_to(sink: Sink) -> None:
    """Name the log: called as `sink(actor, action, target, reason, **details)`, in the transaction of the act."""
    _sinks[:] = [sink]


def audit(actor: Any, action: str, target: Model, reason: str = "", **details: Any) -> None:
    """Record an act in the caller's transaction; without a log nothing may be done, so that raises."""
    if not _sinks:
        raise LookupError("There is no audit log: nobody has called accounts.auditing.write_to.")
    _sinks[0](actor, action, target, reason, **details)
