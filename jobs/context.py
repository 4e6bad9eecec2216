"""What a handler gets as its first argument."""

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ParamSpec, TypeVar, Unpack
from uuid import UUID

from jobs.depending import Dependencies
from jobs.drafts import Draft
from jobs.exceptions import JobCancelled, LockLost
from jobs.fencing import fenced
from jobs.follow_ups import FollowUps
from jobs.models import Batch, Job
from jobs.new_job import Enqueued
from jobs.options import Options
from jobs.outcomes import Attempt
from jobs.payloads import storable
from jobs.tasks import mapping
from jobs.tasks.running import Tasks
from jobs.tasks.waiting import sleeping, waiting_for

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

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

    def fenced(self) -> AbstractContextManager[None]:
        """Open a transaction for writes of the handler's own that a late zombie must not make.

            with context.fenced():
                Report.objects.update_or_create(...)

        What is written in it is kept only if the job is still this worker's; else LockLost is raised and nothing is
        written. The job's heartbeat waits for its end, so keep it short: compute and fetch before it.
        """
        return fenced(self._attempt)

    def task(self, name: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function once and remember its result; a later attempt gets the result and does not call it.

            text = context.task("fetch", fetch, url)

        The result is what JSON makes of it, in the first attempt too: lists for tuples, texts for keys. An error goes
        on to the handler, and the next attempt calls the function again, unless the handler went on to another task.
        Raises TaskMismatch when something else is remembered here, which means that the code has changed.
        """
        result: R = self._tasks.run(name, function, args, kwargs)
        return result

    async def atask(
        self, name: str, function: Callable[P, Awaitable[R]] | Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Do as `task` does, from a coroutine; a plain function runs in a thread."""
        result: R = await self._tasks.arun(name, function, args, kwargs)
        return result

    def map(self, name: str, function: Callable[[T], R], items: Iterable[T], /, *, concurrency: int = 8) -> list[R]:
        """Call a function for each item, so many at a time in threads, and give the results in the order of the items.

        Each item is a task of its own: what is finished is not done again. After an error no other item is begun; those
        that run end and are remembered, then the error is raised. The job's progress follows the map.
        """
        return mapping.run(self._tasks, name, function, items, concurrency)

    async def amap(
        self,
        name: str,
        function: Callable[[T], Awaitable[R]] | Callable[[T], R],
        items: Iterable[T],
        /,
        *,
        concurrency: int = 8,
    ) -> list[R]:
        """Do as `map` does, from a coroutine; plain functions run in threads."""
        return await mapping.arun(self._tasks, name, function, items, concurrency)

    def sleep(
        self,
        seconds: float = 0,
        *,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
        until: datetime | None = None,
    ) -> None:
        """Sleep without a worker: the attempt ends here, and one that comes after that time goes on behind it.

        It is remembered when the sleep ends, by the database's clock, whatever happens to the job meanwhile.
        """
        sleeping(seconds, minutes, hours, days, until).begin(self._tasks)

    async def asleep(
        self,
        seconds: float = 0,
        *,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
        until: datetime | None = None,
    ) -> None:
        """Do as `sleep` does, from a coroutine."""
        await sleeping(seconds, minutes, hours, days, until).abegin(self._tasks)

    def wait_for(self, event: str, *, timeout: float | timedelta | None = None) -> dict[str, Any]:
        """Wait without a worker until the job is told this event, and give its payload.

        Events of a name are taken in the order in which they were sent, each once; one that came before is there at
        once. `timeout` is in seconds; None waits for ever. Raises EventTimeout, in every later attempt too.
        """
        payload: dict[str, Any] = waiting_for(event, timeout).begin(self._tasks)
        return payload

    async def await_for(self, event: str, *, timeout: float | timedelta | None = None) -> dict[str, Any]:
        """Do as `wait_for` does, from a coroutine."""
        payload: dict[str, Any] = await waiting_for(event, timeout).abegin(self._tasks)
        return payload

    def enqueue(self, what: Any, payload: dict[str, Any] | None = None, **chosen: Unpack[Options]) -> Enqueued:
        """Submit a job together with this one's outcome, in one transaction: it is there if this attempt completes.

            context.enqueue(send_mail, {"to": "ada@example.org"}, delay=60)

        `what` is a handler or a job type. Gives the id that the job will have, for `depends_on` of others. It belongs
        to the owner of this job unless `user` says otherwise. Raises as jobs.enqueue.enqueue does, except that a
        dependency which is not there cancels the new job.
        """
        job_type = what if isinstance(what, str) else what.job_type.name
        return self._follow_ups.add(job_type, payload or {}, chosen)

    @cached_property
    def dependencies(self) -> Dependencies:
        """The jobs that this one waited for, with their results; read from the database when touched."""
        return Dependencies(UUID(self._attempt.id))

    @cached_property
    def batch(self) -> Batch | None:
        """The batch or workflow that the job belongs to."""
        return Batch.objects.filter(jobs=UUID(self._attempt.id)).first()

    @property
    def follow_ups(self) -> tuple[Draft, ...]:
        """What is to be submitted with the outcome; for the worker."""
        return tuple(self._follow_ups.drafts) if "_follow_ups" in self.__dict__ else ()

    @cached_property
    def _follow_ups(self) -> FollowUps:
        return FollowUps(self._attempt)

    @cached_property
    def _tasks(self) -> Tasks:
        return Tasks(self._attempt, self.progress)

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


def settle(context: Context) -> None:
    """Look, when a handler has returned, whether it came to its end and to all tasks that are remembered."""
    if "_tasks" in context.__dict__:
        context._tasks.settle()


def reason(context: Context, error: BaseException) -> BaseException:
    """Give what ended the attempt when its handler raised this: a handler can catch what suspends it."""
    return context._tasks.reason(error) if "_tasks" in context.__dict__ else error
