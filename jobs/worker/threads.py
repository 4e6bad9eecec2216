"""Threads for plain handlers, those that run in child processes included."""

import logging
import threading
from queue import SimpleQueue

from django.db import close_old_connections, connections, transaction
from psycopg.pq import TransactionStatus

from jobs import current, tracing
from jobs.context import Context
from jobs.exceptions import LockLost
from jobs.execution import conclude, failure, prepare, run
from jobs.outcomes import Attempt, Outcome
from jobs.recording import record
from jobs.registry import registry
from jobs.worker.child import Child
from jobs.worker.database import close_quietly
from jobs.worker.hand import Hand
from jobs.worker.keeping import keep_results
from jobs.worker.log_keeping import LineKeeper
from jobs.worker.metering import metered
from jobs.worker.recorder import Recorder

_logger = logging.getLogger(__name__)


class ThreadSlots:
    """Runs at most `size` plain handlers at once. A thread that does not come back is replaced."""

    def __init__(self, size: int, hand: Hand, recorder: Recorder, lines: LineKeeper | None = None) -> None:
        self.size = size
        self.lines = lines or LineKeeper(0)
        self.hand = hand
        self.recorder = recorder
        self._queue: SimpleQueue[Attempt | None] = SimpleQueue()
        self._threads: set[threading.Thread] = set()
        #: Attempts submitted and not ended: so many threads are wanted, up to `size`.
        self._unfinished = 0
        # The count is exact, and a thread ends its attempt or is replaced, never both.
        self._counting = threading.Lock()
        self._running: set[int] = set()
        self._strays: set[int] = set()

    @property
    def abandoned(self) -> int:
        """How many replaced threads are still held by their handlers."""
        return len(self._strays)

    def submit(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            self._queue.put(attempt)
        with self._counting:
            self._unfinished += len(attempts)
            self._add_threads()

    def abandon(self, attempt: Attempt) -> None:
        """Replace the thread that is still busy with this attempt; the stray one ends with its handler."""
        with self._counting:
            if attempt.lock_token not in self._running:
                return
            self._strays.add(attempt.lock_token)
            self._unfinished -= 1
            self._add_threads()

    def stop(self) -> None:
        for _ in range(len(self._threads)):
            self._queue.put(None)

    def _add_threads(self) -> None:
        while len(self._threads) - len(self._strays) < min(self.size, self._unfinished):
            thread = threading.Thread(target=self._work, name="slot", daemon=True)
            self._threads.add(thread)
            thread.start()

    def _work(self) -> None:
        child = Child()
        try:
            while True:
                attempt = self._queue.get()
                if attempt is None or not self._do(attempt, child):
                    return
        finally:
            child.stop()
            close_quietly()
            self._threads.discard(threading.current_thread())

    def _do(self, attempt: Attempt, child: Child) -> bool:
        """Run one attempt to its end; tells whether this thread is still a slot's."""
        self._running.add(attempt.lock_token)
        try:
            if self.hand.start(attempt) and (outcome := self._run(attempt, child)) is not None:
                self.hand.settle(attempt, outcome)
            _tidy_connections(attempt)
        except BaseException:
            # A bug of ours: the slot goes on, and the job comes back when its lock has run out.
            words = "job %s attempt %s ended without an outcome"
            _logger.exception(words, attempt.id, attempt.number, extra=current.fields(attempt))
            self.hand.fence(attempt)
        with self._counting:
            self._running.discard(attempt.lock_token)
            if attempt.lock_token not in self._strays:
                self._unfinished -= 1
                return True
            self._strays.discard(attempt.lock_token)
            self._threads.discard(threading.current_thread())
            return False

    def _run(self, attempt: Attempt, child: Child) -> Outcome | None:
        if tracing.tracer is None:
            return self._run_untraced(attempt, child)
        with tracing.tracer.running(attempt) as span:
            # What a child process goes on with.
            attempt.traceparent = span.traceparent
            outcome = self._run_untraced(attempt, child)
            span.ended(outcome)
            return outcome

    def _run_untraced(self, attempt: Attempt, child: Child) -> Outcome | None:
        context = Context(attempt, self.recorder.tell_progress)
        known = attempt.job_type in registry and registry.get(attempt.job_type)
        if known and known.isolation == "process":
            return child.run(attempt, self.recorder.tell_progress, self.lines)
        if known and known.atomic:
            return self._run_atomic(attempt, context)
        with metered(attempt):
            return run(attempt, context)

    def _run_atomic(self, attempt: Attempt, context: Context) -> Outcome | None:
        """Commit the handler's writes and its outcome together, or neither."""
        try:
            with transaction.atomic():
                with current.running(attempt), metered(attempt):
                    job_type, payload = prepare(attempt)
                    outcome = conclude(job_type.function(context, **payload), context.follow_ups)
                if record([(attempt, outcome)]):
                    raise LockLost
                keep_results([(attempt, outcome)])
        except LockLost:
            words = "lock_lost: job %s attempt %s was rolled back"
            _logger.warning(words, attempt.id, attempt.number, extra=current.fields(attempt))
            self.recorder.counts.lost([attempt])
            self.hand.fence(attempt)
            return None
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
            return failure(attempt, error)
        self.recorder.counts.add([(attempt, outcome)])
        self.recorder.tell([(attempt, outcome)])
        self.hand.recorded_already(attempt)
        return None


def _tidy_connections(attempt: Attempt) -> None:
    """Leave no broken connection to the next job, nor a transaction that would swallow its writes."""
    if connections["default"].connection is None:
        return
    for connection in connections.all(initialized_only=True):
        raw = connection.connection
        # A lost connection's status is UNKNOWN; closing what cannot be used is the next line's affair.
        left_open = raw is not None and raw.pgconn.transaction_status in _UNFINISHED
        if left_open or connection.in_atomic_block:
            words = "job type %s left a transaction open: it is rolled back"
            _logger.error(words, attempt.job_type, extra=current.fields(attempt))
            connection.in_atomic_block = False
            connection.close()
            del connections[connection.alias]
    close_old_connections()


_UNFINISHED = (TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR)
