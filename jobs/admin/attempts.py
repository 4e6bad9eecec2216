from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime

_TEXTS: Final = ("error_class", "message", "kind", "frame", "worker", "traceback")


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One entry of an error history, as a page shows it."""

    number: Any
    error_class: str
    message: str
    kind: str
    at: datetime | None
    frame: str
    worker: str
    traceback: str
    #: How long it ran, where that is known.
    seconds: float | None = None


def failed_attempts(history: list[Any] | None) -> list[FailedAttempt]:
    """Read an error history, newest first; entries that SQL put in any other form are shown as they are."""
    return [_read(entry) for entry in reversed(history or [])]


def _read(entry: Any) -> FailedAttempt:
    if not isinstance(entry, dict):
        entry = {"message": str(entry)}
    text = {name: str(entry.get(name) or "") for name in _TEXTS}
    return FailedAttempt(
        number=entry.get("attempt", "?"),
        at=_moment(entry.get("at")),
        seconds=_seconds(entry.get("seconds")),
        **text,
    )


def _seconds(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if known else None


def _moment(text: Any) -> datetime | None:
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
