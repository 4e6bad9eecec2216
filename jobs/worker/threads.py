"""Threads for plain handlers, those that run in child processes included."""

import logging
import threading
from queue import SimpleQueue

from django.db import close_old_connections, connections, transaction

from jobs.context import Context
from jobs.exceptions import LockLost
from jobs.execution import conclude, failure, prepare, run
from jobs.outcomes import Attempt, Outcome
from jobs.recording import record
from jobs.registry import registry
from jobs.worker.child import Child
from jobs.worker.database import close_quietly
from jobs.worker.hand import Hand
from jobs.worker.recorder import Recorder

_logger = logging.getLogger(__name__)


class ThreadSlots:
    """Runs at most `size` plain handlers at once. A thread that does not come back is replaced."""

    def __init__(self, size: int, hand: Hand, recorder: Recorder) -> None:
        self.size = size
        self.hand = hand
        self.recorder = recorder
        self.abandoned = 0
        self._queue: SimpleQueue[Attempt | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0

    def submit(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            self._queue.put(attempt)
        while len(self._threads) < self.size and self._idle < self._queue.qsize():
            self._add_thread()

    def abandon(self) -> None:
        """Replace a thread whose handler outlives its time; the stray one ends with its handler."""
        self.abandoned += 1
        self._add_thread()

    def stop(self) -> None:
        for _ in range(len(self._threads)):
            self._queue.put(None)

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"slot-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        child = Child()
        try:
            while True:
                self._idle += 1
                attempt = self._queue.get()
                self._idle -= 1
                if attempt is None:
                    return
                if not self.hand.start(attempt):
                    continue
                outcome = self._run(attempt, child)
                if outcome is not None:
                    self.hand.settle(attempt, outcome)
                if attempt.fenced:
                    return  # abandoned: another thread has taken this one's place
                if connections["default"].connection is not None:
                    close_old_connections()
        finally:
            child.stop()
            close_quietly()

    def _run(self, attempt: Attempt, child: Child) -> Outcome | None:
        context = Context(attempt, self.recorder.tell_progress)
        known = attempt.job_type in registry and registry.get(attempt.job_type)
        if known and known.isolation == "process":
            return child.run(attempt, self.recorder.tell_progress)
        if known and known.atomic:
            return self._run_atomic(attempt, context)
        return run(attempt, context)

    def _run_atomic(self, attempt: Attempt, context: Context) -> Outcome | None:
        """Commit the handler's writes and its outcome together, or neither."""
        try:
            with transaction.atomic():
                job_type, payload = prepare(attempt)
                outcome = conclude(job_type.function(context, **payload))
                if record([(attempt, outcome)]):
                    raise LockLost
        except LockLost:
            _logger.warning("lock_lost: job %s attempt %s was rolled back", attempt.id, attempt.number)
            self.hand.fence(attempt)
            return None
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
            return failure(attempt, error)
        self.recorder.counts.add([(attempt, outcome)])
        self.hand.recorded_already(attempt)
        return None
