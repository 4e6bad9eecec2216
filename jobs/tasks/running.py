"""The tasks of one attempt: where its handler is, what is remembered, and one call after the other."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import iscoroutine, iscoroutinefunction
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import connections

from jobs.exceptions import (
    InvalidPayload,
    JobCancelled,
    LockLost,
    Suspension,
    TaskMismatch,
    TasksNotAllowed,
    UnusableResult,
)
from jobs.models import Task
from jobs.outcomes import Attempt
from jobs.payloads import check_text, dump_result
from jobs.tasks.arguments import fingerprint, shown_call
from jobs.tasks.journal import Journal, Memory
from jobs.tasks.place import NAME_MAX_LENGTH, Kind, Place, binds, recalled, words

Status = Task.Status

_within: Final[ContextVar["Tasks | None"]] = ContextVar("ekiden_task", default=None)

#: These end an attempt in the middle of a task and say nothing about the task.
_INTERRUPTED: Final = (LockLost, Suspension, GeneratorExit, KeyboardInterrupt)


class Tasks:
    """Used by the handler's thread or coroutines; what they do at the same time takes its place in their order."""

    def __init__(self, attempt: Attempt, tell_progress: Callable[[float, str], None]) -> None:
        self.attempt = attempt
        self.journal = Journal(attempt)
        self.tell_progress = tell_progress
        self._memory: Memory | None = None
        self._position = 0
        self._counting = threading.Lock()
        #: What ends this attempt whatever the handler makes of it.
        self._end: BaseException | None = None

    def enter(self, kind: Kind, name: str) -> Place:
        """Come to the next task of the code; raises TaskMismatch when another one is remembered there."""
        return self.place(self.claim(kind, name), kind, name)

    async def aenter(self, kind: Kind, name: str) -> Place:
        """Come to the next task of a coroutine; those that are gathered are numbered as they were begun."""
        position = self.claim(kind, name)
        if self._memory is None:
            await sync_to_async(self._load)()
        return self.place(position, kind, name)

    def claim(self, kind: Kind, name: str) -> int:
        """Take the next position."""
        _check_name(name)
        if _within.get() is self:
            raise TasksNotAllowed(f"{words(kind, name).capitalize()} is inside of another: call it from the handler.")
        if self._end is not None:
            raise self._end
        with self._counting:
            self._position += 1
            return self._position

    def place(self, position: int, kind: Kind, name: str) -> Place:
        """Look what is remembered at a position."""
        memory = self._load() if self._memory is None else self._memory
        try:
            return Place(position, kind, name, memory.at(position), position < memory.last)
        except TaskMismatch as error:
            raise self.ends(error) from None

    def ends(self, error: BaseException) -> BaseException:
        """Have the attempt end with this error, even if the handler catches it."""
        self._end = self._end or error
        return error

    def settle(self) -> None:
        """Look, when the handler has returned, whether it really came to its end and to all that is remembered."""
        if self._end is not None:
            raise self._end
        if self._memory is not None and self._memory.last > self._position:
            self._refuse_leftovers(self._memory)

    def reason(self, error: BaseException) -> BaseException:
        """Give what an attempt that ended by this error ended by in truth."""
        return error if self._end is None or isinstance(error, LockLost | JobCancelled) else self._end

    def go_on(self, place: Place) -> None:
        """Make room for a task that is about to run; raises JobCancelled or LockLost when it must not."""
        if self.attempt.fenced:
            raise LockLost
        if self.attempt.cancelled:
            raise JobCancelled
        if place.stale:
            self.journal.forget(place.position)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Refuse other tasks within the block."""
        token = _within.set(self)
        try:
            yield
        finally:
            _within.reset(token)

    def run(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a plain function once, or give what it gave."""
        call = Call(self, self.enter(Kind.CALL, name), args, kwargs)
        if call.finished is not None:
            return recalled(call.finished)
        refuse_coroutine(name, function)
        call.begin()
        try:
            with self.inside():
                text = dump_value(function(*args, **kwargs))
        except BaseException as error:
            call.fail(error)
            raise
        return call.complete(text)

    async def arun(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a coroutine function, or a plain one in a thread, once, or give what it gave."""
        call = Call(self, await self.aenter(Kind.CALL, name), args, kwargs)
        if call.finished is not None:
            return recalled(call.finished)
        await sync_to_async(call.begin)()
        try:
            with self.inside():
                text = dump_value(await awaited(function, *args, **kwargs))
        except Exception as error:
            await sync_to_async(call.fail)(error)
            raise
        return await sync_to_async(call.complete)(text)

    def _load(self) -> Memory:
        with self._counting:
            if self._memory is None:
                self._memory = self.journal.load()
            return self._memory

    def _refuse_leftovers(self, memory: Memory) -> None:
        for row in memory.behind(self._position):
            if binds(row, False):
                raise TaskMismatch(
                    f"At position {row.position} the job remembers {words(row.kind, row.name)}, and the handler has"
                    " returned before it. Its code or what it depends on has changed since."
                )


class Call:
    """One call of a task's function: begun, then completed or failed."""

    def __init__(self, tasks: Tasks, place: Place, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._tasks = tasks
        self._place = place
        self._arguments = args, kwargs
        self._fingerprint = fingerprint(*args, kwargs) if kwargs else fingerprint(*args)
        self._payload = ""
        self._begun_at = 0.0
        self.finished = place.finished()
        if self.finished is not None:
            try:
                place.check_fingerprint(self.finished, self._fingerprint)
            except TaskMismatch as error:
                raise tasks.ends(error) from None

    def begin(self) -> None:
        self._tasks.go_on(self._place)
        self._payload = shown_call(*self._arguments)
        self._begun_at = time.monotonic()
        self._write(Status.PROCESSING, durable=False)

    def complete(self, text: str | None) -> Any:
        """Remember a result, and give it as every later attempt will see it."""
        self._write(Status.COMPLETED, result=text)
        return None if text is None else json.loads(text)

    def fail(self, error: BaseException) -> None:
        if not isinstance(error, _INTERRUPTED):
            status = Status.CANCELLED if isinstance(error, JobCancelled) else Status.FAILED
            self._write(status, error=error)

    def _write(
        self, status: str, *, result: str | None = None, error: BaseException | None = None, durable: bool = True
    ) -> None:
        row = self._place.row(
            status,
            payload=self._payload,
            fingerprint=self._fingerprint,
            result=result,
            error=error,
            begun_at=self._begun_at,
            ended_at=None if status == Status.PROCESSING else time.monotonic(),
        )
        self._tasks.journal.write([row], durable)


def dump_value(value: Any) -> str | None:
    """Give what a task returned as JSON text; raises UnusableResult for what JSON cannot hold."""
    if value is None:
        return None
    if iscoroutine(value):
        value.close()
    try:
        return dump_result(value)
    except InvalidPayload as error:
        raise UnusableResult(f"The task's {error}") from error


def refuse_coroutine(name: str, function: Callable[..., Any]) -> None:
    """Raise TypeError for what only a coroutine can wait for."""
    if iscoroutinefunction(function):
        raise TypeError(f"The function of {name!r} is a coroutine: say `await context.atask(…)` or `amap(…)`.")


async def awaited(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Await a coroutine function, or run a plain one in a thread of its own, which leaves no connection open."""
    if iscoroutinefunction(function):
        return await function(*args, **kwargs)

    def run() -> Any:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False)()


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX_LENGTH or check_text(name):
        raise ValueError(f"A task's name is a text of 1 to {NAME_MAX_LENGTH} characters, not {name!r}.")
