"""The thread that keeps the worker alive in the eyes of others: heartbeat, lock renewal, cancels, timeouts."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import psutil
from django.db import connection
from django.db.models.functions import Now

from jobs import current, language_rights, redis_counts
from jobs.clocks import clock_offset
from jobs.exceptions import JobTimeout
from jobs.execution import failure
from jobs.languages import PYTHON
from jobs.models import Job, Worker
from jobs.models.columns import ClockTimestamp
from jobs.outcomes import Attempt
from jobs.registry import registry
from jobs.source import release
from jobs.worker.counting import Counts
from jobs.worker.database import TRANSIENT, close_quietly, first_line
from jobs.worker.hand import Hand
from jobs.worker.options import SILENT_BEATS, WorkerOptions
from jobs.worker.stalls import talking

_logger = logging.getLogger(__name__)

#: How often timeouts of threads are looked at.
TICK_SECONDS: Final = 0.1
#: How often the database is asked for cancels that no announcement told of.
CANCEL_POLL_SECONDS: Final = 2.0
#: A claimed job that no slot takes for so long is given back: others may be idle.
HOARD_SECONDS: Final = 1.0
#: Of the lock's time: renew at a third; a lock not renewed at 80% may be another's soon.
RENEW_AT: Final = 1 / 3
FENCE_AT: Final = 0.8

_RENEW: Final = "SELECT renew_job_locks(%s::uuid[], %s::bigint[], make_interval(secs => %s))::text"


class Heartbeat(threading.Thread):
    """Beats from before the first claim until after the last outcome, while the worker drains too."""

    def __init__(
        self,
        options: WorkerOptions,
        hand: Hand,
        counts: Counts,
        interrupt: Callable[[Attempt], None],
        abandon: Callable[[Attempt], None],
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.options = options
        self.hand = hand
        self.counts = counts
        self.stopping = False
        #: What an operator asks of this worker; read back at every beat, from the row that the beat writes.
        self.wish = ""
        #: Owners whose jobs may not run here; read at every beat, so that a claim asks for nobody's rights.
        self.barred: frozenset[str] = frozenset()
        self._interrupt = interrupt
        self._abandon = abandon
        self._ended = threading.Event()
        self._process = psutil.Process()
        self._wanted: set[str] = set()

    @property
    def memory_mb(self) -> float:
        return float(self._process.memory_info().rss) / 1e6

    def stop(self) -> None:
        """End the thread and mark the worker stopped."""
        self._ended.set()

    def cancel(self, job_id: str) -> None:
        """Take note that someone asked to cancel this job."""
        self._wanted.add(job_id)

    def run(self) -> None:
        beat_due = cancel_due = 0.0
        woke = time.monotonic()
        while not self._ended.wait(TICK_SECONDS):
            now = time.monotonic()
            # After a sleep so long that others took us for dead, every lock is doubtful.
            slept = now - woke > SILENT_BEATS * self.options.heartbeat_interval
            woke = now
            try:
                with talking():
                    if now >= beat_due:
                        beat_due = now + self.options.heartbeat_interval
                        self.beat()
                        self.counts.flush()
                        redis_counts.flush()
                    self._renew(now, everything=slept)
                    if now >= cancel_due:
                        cancel_due = now + CANCEL_POLL_SECONDS
                        self._ask_for_cancels(now)
            except TRANSIENT as error:
                _logger.warning("heartbeat: the database does not answer: %s", first_line(error))
                connection.close()
                beat_due = now + min(1.0, self.options.heartbeat_interval)
                cancel_due = now + CANCEL_POLL_SECONDS
            self._stop_wanted()
            self._watch(now)
        self._sign_off()

    def beat(self) -> None:
        """Say that the worker lives; also its first word, and again after its row was pruned."""
        row, _ = Worker.objects.update_or_create(
            id=self.options.worker_id,
            defaults=self._state(),
            create_defaults={**self._identity(), **self._state()},
        )
        self._heed(row.wish)
        self.barred = language_rights.barred(PYTHON)

    def _heed(self, wish: str) -> None:
        if wish == self.wish:
            return
        self.wish = wish
        _logger.info("worker %s is asked to %s", self.options.worker_id, wish or "work on")
        # Wakes the claimer, which looks at the wish.
        self.hand.room.set()

    def _identity(self) -> dict[str, Any]:
        return {
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "queues": list(self.options.queues or ()),
            "job_types": list(self.options.job_types or ()),
            "concurrency": self.options.concurrency,
            "release": release(),
            "supervisor": self.options.supervisor,
        }

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "heartbeat_at": ClockTimestamp(),
            "running": len(self.hand.running()),
            "rss_mb": round(self.memory_mb, 1),
            "clock_offset": round(clock_offset(tries=1), 3),
            # Others may have taken a long silence for the end.
            "stopped_at": None,
        }
        return {**state, "stopping_at": Now()} if self.stopping else state

    def _renew(self, now: float, everything: bool = False) -> None:
        duration = self.options.lock_duration
        age = 0.0 if everything else duration * RENEW_AT
        due = [a for a in list(self.hand.attempts.values()) if now - a.renewed_at > age]
        if not due:
            return
        with connection.cursor() as cursor:
            cursor.execute(_RENEW, [[a.id for a in due], [a.lock_token for a in due], duration])
            held = {job_id for (job_id,) in cursor.fetchall()}
        self.counts.renewed(attempt for attempt in due if attempt.id in held)
        for attempt in due:
            if attempt.id in held:
                attempt.renewed_at = now
            elif attempt.lock_token in self.hand.attempts:
                words = "lock_lost: job %s attempt %s is another worker's"
                _logger.warning(words, attempt.id, attempt.number, extra=current.fields(attempt))
                self.counts.lost([attempt])
                self._give_up(attempt)

    def _ask_for_cancels(self, now: float) -> None:
        running = [a.id for a in self.hand.running() if not a.cancelled and now - (a.started_at or now) > 1.0]
        if running:
            asked = Job.objects.filter(id__in=running, cancel_requested_at__isnull=False)
            self._wanted.update(str(job_id) for job_id in asked.values_list("id", flat=True))

    def _stop_wanted(self) -> None:
        if not self._wanted:
            return
        wanted, self._wanted = self._wanted, set()
        for attempt in list(self.hand.attempts.values()):
            if attempt.id in wanted and not attempt.cancelled:
                attempt.cancelled = True
                # What has not begun never will: giving it back is what cancels it.
                if not self.hand.give_back(attempt):
                    self._interrupt(attempt)

    def _watch(self, now: float) -> None:
        for attempt in list(self.hand.attempts.values()):
            if now - attempt.renewed_at > self.options.lock_duration * FENCE_AT:
                words = "job %s: its lock could not be renewed in time, its handler is stopped"
                _logger.error(words, attempt.id, extra=current.fields(attempt))
                self._give_up(attempt)
            elif attempt.started_at is None:
                if now - attempt.renewed_at > HOARD_SECONDS:
                    self.hand.give_back(attempt)
            elif attempt.timeout is not None and now - attempt.started_at > attempt.timeout and _in_thread(attempt):
                self._time_out(attempt)

    def _time_out(self, attempt: Attempt) -> None:
        """Record the timeout of a thread, which cannot be killed: it is told, and its later word is dropped."""
        if self.hand.settle(attempt, failure(attempt, JobTimeout(f"It ran longer than {attempt.timeout:g} s."))):
            attempt.fenced = True
            self._abandon(attempt)

    def _give_up(self, attempt: Attempt) -> None:
        self.hand.fence(attempt)
        self._interrupt(attempt)
        if attempt.started_at is not None and _in_thread(attempt):
            self._abandon(attempt)

    def _sign_off(self) -> None:
        try:
            self.counts.flush()
            Worker.objects.filter(id=self.options.worker_id).update(stopped_at=Now(), running=0)
        except TRANSIENT as error:
            _logger.warning("could not sign off, others will notice by the silence: %s", first_line(error))
        close_quietly()


def _in_thread(attempt: Attempt) -> bool:
    """Whether only a thread runs it: tasks and child processes end their overdue handlers themselves."""
    if attempt.job_type not in registry:
        return True
    job_type = registry.get(attempt.job_type)
    return not job_type.is_coroutine and job_type.isolation == "thread"
