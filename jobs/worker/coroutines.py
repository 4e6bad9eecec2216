"""One event loop, in a thread of its own, for coroutine handlers."""

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from jobs import tracing
from jobs.context import Context
from jobs.exceptions import JobTimeout
from jobs.execution import failure, run_coroutine
from jobs.outcomes import Attempt, Cancelled, DeadLettered, Outcome, Retry, Snoozed
from jobs.registry import registry
from jobs.worker.hand import Hand
from jobs.worker.metering import metered_coroutine
from jobs.worker.recorder import Recorder


class CoroutineSlots:
    """Runs at most `size` coroutines at once; each is a task that can be cancelled."""

    def __init__(self, size: int, hand: Hand, recorder: Recorder) -> None:
        self.size = size
        self.hand = hand
        self.recorder = recorder
        self._waiting: deque[Attempt] = deque()
        self._tasks: dict[int, asyncio.Task[Outcome]] = {}
        #: Told to end and replaced. The loop itself holds its tasks only weakly.
        self._strays: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="event-loop", daemon=True)
        self._started = False

    def submit(self, attempts: list[Attempt]) -> None:
        if not self._started:
            self._started = True
            self._thread.start()
        self._loop.call_soon_threadsafe(self._take, attempts)

    def interrupt(self, attempt: Attempt) -> None:
        """Cancel the attempt's task, if it runs here; for a fenced attempt its slot is free at once."""
        self._loop.call_soon_threadsafe(self._cancel, attempt)

    def stop(self) -> None:
        if self._started:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)

    def _take(self, attempts: list[Attempt]) -> None:
        self._waiting.extend(attempts)
        self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._tasks) < self.size:
            attempt = self._waiting.popleft()
            if not self.hand.start(attempt):
                continue
            task = self._loop.create_task(self._run(attempt))
            self._tasks[attempt.lock_token] = task
            task.add_done_callback(lambda task, attempt=attempt: self._done(task, attempt))  # type: ignore[misc]
            if attempt.timeout is not None:
                self._loop.call_later(attempt.timeout, self._time_out, attempt)

    def _run(self, attempt: Attempt) -> Coroutine[Any, Any, Outcome]:
        return self._run_untraced(attempt) if tracing.tracer is None else self._run_traced(attempt, tracing.tracer)

    async def _run_traced(self, attempt: Attempt, tracer: tracing.Tracer) -> Outcome:
        with tracer.running(attempt) as span:
            attempt.traceparent = span.traceparent
            outcome = await self._run_untraced(attempt)
            span.ended(outcome)
            return outcome

    def _run_untraced(self, attempt: Attempt) -> Coroutine[Any, Any, Outcome]:
        running = run_coroutine(attempt, Context(attempt, self.recorder.tell_progress))
        return metered_coroutine(running, attempt) if attempt.request_id else running

    def _time_out(self, attempt: Attempt) -> None:
        if attempt.lock_token in self._tasks:
            self.hand.settle(attempt, failure(attempt, JobTimeout(f"It ran longer than {attempt.timeout:g} s.")))
            attempt.fenced = True
            self._cancel(attempt)

    def _cancel(self, attempt: Attempt) -> None:
        task = self._tasks.get(attempt.lock_token)
        if task is None:
            return
        if attempt.fenced:
            # A coroutine can swallow the cancelling; nobody waits for it any more.
            del self._tasks[attempt.lock_token]
            self._keep(task)
            self._fill()
        task.cancel()

    def _keep(self, task: "asyncio.Task[Any]") -> None:
        self._strays.add(task)
        task.add_done_callback(self._strays.discard)

    def _done(self, task: "asyncio.Task[Outcome]", attempt: Attempt) -> None:
        self._tasks.pop(attempt.lock_token, None)
        if task.cancelled():
            # Cancelled before its first step.
            outcome: Outcome = failure(attempt, asyncio.CancelledError())
        else:
            outcome = task.result()
        if attempt.cancelled and isinstance(outcome, Retry | DeadLettered | Snoozed):
            outcome = Cancelled()
        self.hand.settle(attempt, outcome)
        if isinstance(outcome, Retry | DeadLettered):
            # Its thread for the ORM lives as long as the worker; a connection that broke must not.
            self._keep(self._loop.create_task(sync_to_async(close_old_connections)()))
        self._fill()


def is_coroutine(attempt: Attempt) -> bool:
    """Whether the attempt's handler runs on the event loop; unknown types end in a thread."""
    return attempt.job_type in registry and registry.get(attempt.job_type).is_coroutine
