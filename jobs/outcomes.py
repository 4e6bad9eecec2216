"""What an attempt ended in, as small values matched by type. No database here."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned; `result` is JSON text, already checked."""

    result: str | None


@dataclass(frozen=True, slots=True)
class Retry:
    """Another attempt after `delay` seconds; uses up a retry."""

    delay: float
    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snoozed:
    """Another attempt after `delay` seconds, no retry used up."""

    delay: float
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Someone asked for it and the handler stopped."""


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """No further attempt: retries are used up, or the error cannot be retried."""

    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Released:
    """Never started, or interrupted by a stopping worker: back to pending, the attempt not charged."""


Outcome = Completed | Retry | Snoozed | Cancelled | DeadLettered | Released


@dataclass(slots=True)
class Attempt:
    """One claimed run of a job, as the worker holds it. Times are monotonic seconds of this process."""

    id: str
    lock_token: int
    job_type: str
    queue: str
    priority: int
    payload: str
    attempt: int
    retry_count: int
    max_retries: int
    timeout: float | None
    claimed_at: float
    started: float | None = None
    cancelled: bool = False
    lost: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
