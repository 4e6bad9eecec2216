"""One payload of many: its handler is run until it is done or can be helped no more."""

import threading
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NoReturn, Unpack

from asgiref.sync import async_to_sync

from jobs import conf
from jobs.backoff import lawful
from jobs.context import Context
from jobs.exceptions import (
    InvalidPayload,
    JobCancelled,
    JobTimeout,
    LockLost,
    NonRetryableError,
    RateLimitError,
    Snooze,
    TasksNotAllowed,
)
from jobs.execution import conclude, describe
from jobs.models import Job
from jobs.new_job import Enqueued
from jobs.options import Options
from jobs.outcomes import Attempt
from jobs.registry import JobType

#: A provider that asks for more patience than this, or more often, has the payload fail for now.
LONGEST_WAIT: Final = 60.0
MOST_WAITS: Final = 20
#: How soon a wait ends that is not wanted any more.
_LOOK_SECONDS: Final = 0.1
MESSAGE_MAX_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a payload could not be done."""

    code: str
    message: str


class ItemContext(Context):
    """What the handler sees: the whole job's lock and cancelling, but a payload, a key and a time limit of its own."""

    def __init__(self, attempt: Attempt, owner: Any, job_type: JobType, index: int, payload: dict[str, Any]) -> None:
        super().__init__(attempt, lambda attempt: None)
        self._owner, self._job_type, self._index, self._payload = owner, job_type, index, payload
        self._ends_at = None if job_type.timeout is None else time.monotonic() + job_type.timeout

    @property
    def idempotency_key(self) -> str:
        """A key for effects outside the database: the same whenever this payload is tried."""
        return f"{self._attempt.id}:{self._index}"

    @cached_property
    def job(self) -> Job:
        """The whole job, as if it were of this payload alone."""
        whole = Context(self._attempt, self._tell).job
        whole.user_id, whole.job_type, whole.payload = self._owner, self._job_type.name, self._payload
        return whole

    def progress(self, percent: float, message: str = "") -> None:
        """Raise LockLost when it is: the progress that is shown is that of all payloads."""
        if self._attempt.fenced:
            raise LockLost

    def is_cancelled(self) -> bool:
        """Whether to stop: the whole job is to, or this payload has had its time."""
        return super().is_cancelled() or (self._ends_at is not None and time.monotonic() > self._ends_at)

    def raise_if_cancelled(self) -> None:
        """Raise JobCancelled when all are to stop, JobTimeout when only this payload is."""
        if super().is_cancelled():
            raise JobCancelled
        if self.is_cancelled():
            raise JobTimeout

    def enqueue(self, what: Any, payload: dict[str, Any] | None = None, **chosen: Unpack[Options]) -> Enqueued:
        """Refuse: there is no outcome of its own that the new job could be submitted with."""
        raise TasksNotAllowed("Within batch_process a handler submits jobs by itself, not with its outcome.")

    @property
    def _tasks(self) -> NoReturn:
        raise TasksNotAllowed("Within batch_process a payload is one task and has none of its own.")


def do(
    whole: Context, owner: Any, job_type: JobType, index: int, payload: dict[str, Any], retries: int | None
) -> str | Failed | None:
    """Give the handler's result as JSON, or why there is none; raises LockLost or JobCancelled when all are to stop."""
    attempt = whole._attempt
    if violations := job_type.validator.violations(payload):
        return Failed("invalid_payload", str(InvalidPayload(violations))[:MESSAGE_MAX_CHARACTERS])
    left = _most_retries(job_type) if retries is None else retries
    used = waits = 0
    while True:
        context = ItemContext(attempt, owner, job_type, index, payload)
        try:
            return _call(job_type, context, payload)
        except (LockLost, JobCancelled) as error:
            if attempt.fenced or attempt.cancelled:
                raise
            return _failed(attempt, error, "cancelled")
        except (RateLimitError, Snooze) as error:
            seconds = lawful(error.retry_after if isinstance(error, RateLimitError) else error.seconds)
            waits += 1
            if seconds > LONGEST_WAIT or waits > MOST_WAITS:
                return _failed(attempt, error, "rate_limit" if isinstance(error, RateLimitError) else "snoozed")
        except (NonRetryableError, InvalidPayload) as error:
            return _failed(attempt, error, "non_retryable")
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its payload's outcome
            if used >= left:
                return _failed(attempt, error, "timeout" if isinstance(error, JobTimeout) else "retryable")
            seconds = lawful(job_type.backoff(used), LONGEST_WAIT)
            used += 1
        _wait(attempt, seconds)


def _call(job_type: JobType, context: ItemContext, payload: dict[str, Any]) -> str | None:
    function = async_to_sync(job_type.function) if job_type.is_coroutine else job_type.function
    return conclude(function(context, **payload)).result


def _most_retries(job_type: JobType) -> int:
    return conf.max_retries() if job_type.max_retries is None else job_type.max_retries


def _failed(attempt: Attempt, error: BaseException, code: str) -> Failed:
    said = describe(attempt, error, code)
    return Failed(code, f"{said['error_class']}: {said['message']}"[:MESSAGE_MAX_CHARACTERS])


def _wait(attempt: Attempt, seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while (left := ends_at - time.monotonic()) > 0 and not (attempt.cancelled or attempt.fenced):
        threading.Event().wait(min(left, _LOOK_SECONDS))
    if attempt.fenced:
        raise LockLost
    if attempt.cancelled:
        raise JobCancelled
