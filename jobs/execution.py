"""Running a handler: from a claimed attempt to an outcome. It decides; recording writes."""

import json
import logging
import time
import traceback
from datetime import UTC, datetime
from typing import Any, Final

from jobs import current
from jobs.backoff import exponential, lawful
from jobs.context import Context, reason, settle
from jobs.crash_points import crash_point
from jobs.drafts import Draft
from jobs.exceptions import (
    InvalidPayload,
    JobCancelled,
    JobError,
    JobTimeout,
    LanguageNotAllowed,
    NonRetryableError,
    RateLimitError,
    Snooze,
    Suspension,
    UnknownJobType,
    UnusableResult,
    Violation,
)
from jobs.outcomes import Attempt, Cancelled, Completed, DeadLettered, Outcome, Retry, Snoozed, Suspended
from jobs.payloads import dump_result, storable
from jobs.registry import JobType, registry
from jobs.scrubbing import scrub_head, scrub_tail

TRACEBACK_MAX_CHARACTERS: Final = 8_000
MESSAGE_MAX_CHARACTERS: Final = 2_000
LONGEST_SNOOZE_SECONDS: Final = 366 * 86_400.0

_logger = logging.getLogger(__name__)


def prepare(attempt: Attempt) -> tuple[JobType, dict[str, Any]]:
    """Find the handler and read the payload; raises UnknownJobType or InvalidPayload, which no retry can mend."""
    job_type = registry.find(attempt.job_type)
    try:
        payload = json.loads(attempt.payload)
    except (ValueError, RecursionError) as error:
        raise InvalidPayload([Violation("", "not-json", f"cannot be read: {error}")]) from error
    if not isinstance(payload, dict):
        raise InvalidPayload([Violation("", "type", "must be an object")])
    if violations := job_type.validator.violations(payload):
        raise InvalidPayload(violations)
    return job_type, payload


def run(attempt: Attempt, context: Context, raised: list[BaseException] | None = None) -> Outcome:
    """Run a plain handler in this thread to its outcome; never raises. What it raised is added to `raised`."""
    token = current.attempt.set(attempt)
    try:
        job_type, payload = prepare(attempt)
        result = job_type.function(context, **payload)
        settle(context)
        return conclude(result, context.follow_ups)
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
        return failure(attempt, _noted(reason(context, error), raised))
    finally:
        current.attempt.reset(token)


async def run_coroutine(attempt: Attempt, context: Context, raised: list[BaseException] | None = None) -> Outcome:
    """Run a coroutine handler to its outcome; never raises: the caller tells a cancelled one from a failed one."""
    current.attempt.set(attempt)
    try:
        job_type, payload = prepare(attempt)
        result = await job_type.function(context, **payload)
        settle(context)
        return conclude(result, context.follow_ups)
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
        return failure(attempt, _noted(reason(context, error), raised))
    finally:
        # Not by a token: a task that nobody waits for may be closed in another context than its own.
        current.attempt.set(None)


def _noted(error: BaseException, raised: list[BaseException] | None) -> BaseException:
    if raised is not None:
        raised.append(error)
    return error


def conclude(result: Any, follow_ups: tuple[Draft, ...] = ()) -> Completed:
    """Turn a handler's return value into an outcome; raises UnusableResult for what JSON cannot hold."""
    crash_point("after_effect")
    if result is None:
        return Completed(None, follow_ups)
    try:
        return Completed(dump_result(result), follow_ups)
    except InvalidPayload as error:
        raise UnusableResult(str(error)) from error


def failure(attempt: Attempt, error: BaseException) -> Outcome:
    """Decide what an error means for the job; never raises, whatever the error or the back-off are made of."""
    if isinstance(error, JobCancelled):
        return Cancelled()
    if isinstance(error, Suspension):
        return Suspended(error.delay, error.event)
    if isinstance(error, Snooze):
        return Snoozed(lawful(error.seconds, LONGEST_SNOOZE_SECONDS))
    if isinstance(error, RateLimitError):
        return Snoozed(lawful(error.retry_after), describe(attempt, error, "rate_limit"))
    if isinstance(error, NonRetryableError | UnknownJobType | InvalidPayload | LanguageNotAllowed):
        return DeadLettered(describe(attempt, error, "non_retryable"))
    kind = "timeout" if isinstance(error, JobTimeout) else "retryable"
    return retry_or_give_up(attempt, describe(attempt, error, kind))


def retry_or_give_up(attempt: Attempt, error: dict[str, Any]) -> Retry | DeadLettered:
    """Wait as the job type's back-off says while retries are left."""
    if attempt.retry_count >= attempt.max_retries:
        return DeadLettered(error)
    return Retry(_backoff(attempt), error)


def _backoff(attempt: Attempt) -> float:
    try:
        return lawful(registry.get(attempt.job_type).backoff(attempt.retry_count))
    except Exception:
        _logger.exception(
            "the back-off of job type %s fails; the job waits as others do",
            attempt.job_type,
            extra=current.fields(attempt),
        )
        return exponential()(attempt.retry_count)


def describe(attempt: Attempt, error: BaseException, kind: str) -> dict[str, Any]:
    """Give the entry of the job's error history: bounded, without secrets, and free of what PostgreSQL cannot hold."""
    own = isinstance(error, JobError) and error.__traceback__ is None
    frames = traceback.extract_tb(error.__traceback__)
    inner = [
        frame for frame in frames if "/site-packages/" not in frame.filename and not frame.filename.endswith(_OURS)
    ]
    return {
        "attempt": attempt.number,
        "error_class": type(error).__name__,
        "error_path": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": scrub_head(storable(_words(error)), MESSAGE_MAX_CHARACTERS),
        "kind": kind,
        "at": datetime.now(UTC).isoformat(),
        **_circumstances(attempt),
        "frame": f"{inner[-1].filename.rsplit('/', 1)[-1]}:{inner[-1].name}" if inner else "",
        "traceback": "" if own else _trace(error),
    }


def _circumstances(attempt: Attempt) -> dict[str, Any]:
    """Say where the attempt ran, and for how long, as far as that is known here."""
    known: dict[str, Any] = {"worker": current.worker_id()} if current.worker_id() else {}
    if attempt.started_at is not None:
        known["seconds"] = round(max(0.0, time.monotonic() - attempt.started_at), 3)
    return known


def _trace(error: BaseException) -> str:
    return scrub_tail(storable("".join(traceback.format_exception(error))), TRACEBACK_MAX_CHARACTERS)


def _words(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception as worse:  # noqa: BLE001 - an error that cannot be printed is still an outcome
        return f"{type(error).__name__}, whose message cannot be read ({type(worse).__name__})"


#: The frames of the machinery around the handler say nothing about the error.
_OURS: Final = ("jobs/execution.py", "jobs/payloads.py", "jobs/django_tasks/running.py")
