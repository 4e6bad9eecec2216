"""What an attempt ended in, as small values matched by type. No database here."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned; `result` is JSON text, already checked."""

    result: str | None
    #: Drafts of jobs that are submitted with it.
    follow_ups: tuple[Any, ...] = ()


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
    """Claimed and never started: back to pending, the attempt not counted."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """Sleeping or waiting for an event: back to pending, no retry used up; what it waits for stands with its tasks."""

    #: Seconds until it goes on; None is until the event.
    delay: float | None
    #: Whether an event ends it before.
    event: bool = False


Outcome = Completed | Retry | Snoozed | Suspended | Cancelled | DeadLettered | Released


@dataclass(slots=True, eq=False)
class Attempt:
    """One claimed run of a job, as the worker holds it. Times are monotonic seconds of this process."""

    id: str
    lock_token: int
    job_type: str
    queue: str
    priority: int
    #: JSON text as it came from the database: one that cannot be read must not break the claim.
    payload: str
    number: int
    retry_count: int
    max_retries: int
    timeout: float | None
    #: When its lock was last known to be good; set before the statement was sent.
    renewed_at: float
    #: The job's owner, and the request that submitted it.
    user_id: str | None = None
    request_id: str | None = None
    #: Seconds that it was due before it was claimed.
    waited: float = 0.0
    concurrency_key: str | None = None
    #: Others depend on it.
    has_followers: bool = False
    #: Others of its key or queue may have to wait for its end.
    limited: bool = False
    #: The trace that it belongs to, where traces are made.
    traceparent: str | None = None
    started_at: float | None = None
    #: Someone asked to cancel it.
    cancelled: bool = False
    #: Its outcome is not wanted any more: the lock is another worker's, or time ran out.
    fenced: bool = False
    #: The latest progress not yet written, or None.
    progress: tuple[int, str] | None = None
    #: What it used, known when it has ended and only if a request asked for the job.
    usage: "Usage | None" = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one attempt used. None where it cannot be told apart from what ran beside it."""

    run_seconds: float
    cpu_seconds: float | None = None
    peak_memory_mb: float | None = None
