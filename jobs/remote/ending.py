"""How an attempt of a worker in another language ends: fenced, counted, and told to whoever observes."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import models, transaction

from accounts.row_security import acting_as_system
from jobs import catalogue, observers, result_cache
from jobs.announce import ANY_PRIORITY, announce, announce_room
from jobs.backoff import exponential, lawful
from jobs.exceptions import LockLost, UnknownJobType
from jobs.execution import LONGEST_SNOOZE_SECONDS, MESSAGE_MAX_CHARACTERS, TRACEBACK_MAX_CHARACTERS
from jobs.models import Job, OutcomeCounter
from jobs.outcomes import Attempt, Cancelled, Completed, DeadLettered, Outcome, Released, Retry, Snoozed, Usage
from jobs.payloads import dump, dump_result, storable
from jobs.recording import record
from jobs.remote.holding import Held, held
from jobs.scrubbing import scrub, scrub_head
from jobs.statuses import Status

DETAILS_MAX_BYTES: Final = 16_384


class Kind(models.TextChoices):
    """What a failure means for the job."""

    RETRYABLE = "retryable", "Another attempt may succeed"
    NON_RETRYABLE = "non_retryable", "No attempt can succeed"
    RATE_LIMIT = "rate_limit", "A provider wants to be left alone; costs no retry"
    TIMEOUT = "timeout", "It ran longer than its timeout"
    CANCELLED = "cancelled", "It stopped because somebody asked for that"
    INTERRUPTED = "interrupted", "The worker stops: another is to take it at once, and it costs no retry"


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt ended when not well."""

    kind: Kind
    error_class: str = "Error"
    message: str = ""
    #: Seconds; None leaves it to the back-off.
    retry_after: float | None = None
    stack_trace: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def complete(user_id: str, job_id: UUID, lock_token: int, result: Any, usage: Usage | None = None) -> str:
    """Record a result and give the job's status; raises LockLost, and InvalidPayload for what cannot be stored."""
    text = None if result is None else dump_result(result)
    found = held(user_id, job_id, lock_token)
    _keep(found.attempt, text)
    return _end(found, Completed(text), usage)


def fail(user_id: str, job_id: UUID, lock_token: int, failure: Failure, usage: Usage | None = None) -> str:
    """Record that an attempt failed, was cancelled or interrupted; gives the job's status. Raises as complete does."""
    dump(failure.details, DETAILS_MAX_BYTES, "details")
    found = held(user_id, job_id, lock_token)
    return _end(found, _outcome(found.attempt, failure, _describe(found, failure)), usage)


def settle(attempt: Attempt, outcome: Outcome, run_seconds: float) -> str:
    """Record an outcome, and when that is committed have it counted and observed; gives the status. Raises LockLost."""
    with transaction.atomic():
        if record([(attempt, outcome)]):
            raise LockLost
        status: str = Job.objects.values_list("status", flat=True).get(pk=attempt.id)
        # The database lets a job end here whose retry nobody waits for any more.
        ended = Cancelled() if status == Status.CANCELLED else outcome
        # Robust: the outcome is recorded then, and its worker must not be told otherwise.
        transaction.on_commit(lambda: _tell(attempt, ended, run_seconds), robust=True)
        if isinstance(ended, Snoozed | Released) and status == Status.PENDING:
            # Other workers may be idle; without a word they would find it at their next poll.
            announce([(attempt.queue, ANY_PRIORITY)])
        if attempt.limited:
            announce_room([(attempt.queue, attempt.concurrency_key)])
    return status


def _end(found: Held, outcome: Outcome, usage: Usage | None) -> str:
    found.attempt.usage = usage or Usage(found.age)
    return settle(found.attempt, outcome, found.attempt.usage.run_seconds)


def _keep(attempt: Attempt, result: str | None) -> None:
    """Keep the result of a function that declares a cache time, before it is recorded."""
    try:
        function = catalogue.function_of_job_type(attempt.job_type)
    except UnknownJobType:
        return  # removed while its last jobs ran
    if function.cache_seconds:
        payload = json.loads(attempt.payload)
        result_cache.store(function.language_title, function.version, payload, result, function.cache_seconds)


def _outcome(attempt: Attempt, failure: Failure, error: dict[str, Any]) -> Outcome:
    match failure.kind:
        case Kind.CANCELLED:
            return Cancelled()
        case Kind.INTERRUPTED:
            return Snoozed(0.0)
        case Kind.RATE_LIMIT:
            wait = 1.0 if failure.retry_after is None else failure.retry_after
            return Snoozed(lawful(wait, LONGEST_SNOOZE_SECONDS), error)
        case Kind.NON_RETRYABLE:
            return DeadLettered(error)
    if attempt.retry_count >= attempt.max_retries:
        return DeadLettered(error)
    wait = exponential()(attempt.retry_count) if failure.retry_after is None else failure.retry_after
    return Retry(lawful(wait), error)


def _describe(found: Held, failure: Failure) -> dict[str, Any]:
    """Give the entry of the job's error history, in the form that Python's handlers leave."""
    entry = {
        "attempt": found.attempt.number,
        "worker": found.holder,
        "error_class": failure.error_class,
        "message": scrub_head(storable(failure.message), MESSAGE_MAX_CHARACTERS),
        "seconds": round(found.age, 3),
        "kind": str(failure.kind),
        "at": datetime.now(UTC).isoformat(),
        "frame": "",
        # Most languages put the place of the error first, and Python last.
        "traceback": scrub_head(storable(failure.stack_trace), TRACEBACK_MAX_CHARACTERS),
    }
    return {**entry, "details": scrub(failure.details, DETAILS_MAX_BYTES)} if failure.details else entry


def _tell(attempt: Attempt, outcome: Outcome, run_seconds: float) -> None:
    if not isinstance(outcome, Released):
        # The request's transaction is over, and with it the rights of whoever asked.
        with acting_as_system():
            counters = OutcomeCounter.objects
            counters.count_one(attempt.queue, attempt.job_type, type(outcome).__name__.lower(), run_seconds)
    observers.tell([(attempt, outcome)])
