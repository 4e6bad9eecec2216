"""What a handler gets as its first argument."""

import json
import logging
from collections.abc import Callable, MutableMapping
from functools import cached_property
from typing import Any

from jobs.exceptions import JobCancelled, LockLost
from jobs.models import Job
from jobs.outcomes import Attempt
from jobs.payloads import storable

_logger = logging.getLogger("jobs.handler")


class JobLogger(logging.LoggerAdapter[logging.Logger]):
    """Adds the job's fields to every line a handler logs."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs


class Context:
    """One attempt, seen from its handler; safe to use from threads and coroutines alike."""

    def __init__(self, attempt: Attempt, tell: Callable[[Attempt], None]) -> None:
        self._attempt = attempt
        self._tell = tell

    @property
    def attempt(self) -> int:
        """The number of this run of the job, from 1."""
        return self._attempt.number

    @property
    def idempotency_key(self) -> str:
        """A key for effects outside the database: the same in every attempt of this job."""
        return self._attempt.id

    @cached_property
    def job(self) -> Job:
        """The job as it was claimed; columns that the worker does not need are read when touched."""
        known = {
            "id": self._attempt.id,
            "job_type": self._attempt.job_type,
            "queue": self._attempt.queue,
            "payload": json.loads(self._attempt.payload),
            "priority": self._attempt.priority,
            "attempt": self._attempt.number,
            "retry_count": self._attempt.retry_count,
            "max_retries": self._attempt.max_retries,
            "timeout": self._attempt.timeout,
        }
        fields = [field for field in Job._meta.concrete_fields if field.attname in known]
        names = [field.attname for field in fields]
        return Job.from_db("default", names, [field.to_python(known[field.attname]) for field in fields])

    def progress(self, percent: float, message: str = "") -> None:
        """Tell how far the job is, 0 to 100. Returns at once; the worker writes the latest word soon after.

        Raises LockLost when the job is another worker's by now: stop then, nothing of yours will be kept.
        """
        if self._attempt.fenced:
            raise LockLost
        self._attempt.progress = (max(0, min(100, int(percent))), storable(message[:500]))
        self._tell(self._attempt)

    def is_cancelled(self) -> bool:
        """Whether to stop: someone cancelled the job, its time ran out, or the lock was lost."""
        return self._attempt.cancelled or self._attempt.fenced

    def raise_if_cancelled(self) -> None:
        """Raise JobCancelled when is_cancelled(); let it through to end the job as cancelled."""
        if self.is_cancelled():
            raise JobCancelled

    @cached_property
    def log(self) -> JobLogger:
        """A logger whose lines carry the job's id, type, attempt and queue."""
        attempt = self._attempt
        fields = {"job": attempt.id, "job_type": attempt.job_type, "attempt": attempt.number, "queue": attempt.queue}
        return JobLogger(_logger, fields)
