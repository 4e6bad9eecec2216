"""One worker process: claims, hands out, and ends in good order."""

import logging
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs import conf, current
from jobs.models import Worker
from jobs.outcomes import Attempt, Snoozed
from jobs.registry import registry
from jobs.worker.chores import ChoreThread
from jobs.worker.claiming import Claimer
from jobs.worker.coroutines import CoroutineSlots, is_coroutine
from jobs.worker.counting import Counts
from jobs.worker.database import close_quietly, patiently
from jobs.worker.exit_codes import EXIT_OK, EXIT_REPLACE
from jobs.worker.hand import Hand
from jobs.worker.heartbeat import Heartbeat
from jobs.worker.inbox import Inbox
from jobs.worker.log_keeping import LineKeeper
from jobs.worker.maintenance import Maintenance
from jobs.worker.options import WorkerOptions
from jobs.worker.pace import Pace
from jobs.worker.recorder import Recorder
from jobs.worker.rights import refuse_barred
from jobs.worker.scheduler import Scheduler
from jobs.worker.stalls import StallWatch
from jobs.worker.threads import ThreadSlots
from jobs.worker.wakeup import listeners
from jobs.worker.webhooks import WebhookThread

if TYPE_CHECKING:
    from jobs.worker.search_sync import SearchSync

_logger = logging.getLogger(__name__)

#: Handlers that ignore their timeout keep their threads; with so many per slot the process has to be replaced.
MOST_ABANDONED_PER_SLOT = 2

#: How often a draining worker asks whether everything is done.
DRAIN_LOOK_SECONDS = 0.05

#: How long a stopping worker waits for a database that is away before it gives its last outcomes up.
OUTCOMES_GRACE_SECONDS = 10.0
LINES_GRACE_SECONDS = 2.0


class WorkerLoop:
    """Run it once, in the main thread: it returns the exit code when everything has ended."""

    def __init__(self, options: WorkerOptions) -> None:
        self.options = options
        self.exit_code = EXIT_OK
        self.stopping = threading.Event()
        self._hurry = threading.Event()
        #: Running jobs may take the time they need: this process is one too many, nothing more.
        self._patient = False
        self.hand = Hand()
        self.inbox = Inbox(self.hand.room)
        self.counts = Counts()
        self.recorder = Recorder(self.hand, self.counts, self.inbox.expect, self.inbox.release, self.inbox.room_made)
        self.lines = LineKeeper(conf.log_lines())
        self.threads = ThreadSlots(options.concurrency, self.hand, self.recorder, self.lines)
        self.coroutines = CoroutineSlots(options.concurrency, self.hand, self.recorder)
        self.heartbeat = Heartbeat(options, self.hand, self.counts, self._interrupt, self._abandon)
        self.listeners = listeners(self.inbox.heard, self.inbox.look)
        self.maintenance = Maintenance(options, self.counts)
        self.chores = ChoreThread()
        self.scheduler = Scheduler(options.poll_interval)
        self.webhooks = WebhookThread()
        self.search_sync = _search_sync() if options.maintenance else None
        self.claimer = Claimer(options)
        self._claiming = threading.Thread(target=self._claim_until_stopped, name="claimer", daemon=True)
        self._vital = (self._claiming, self.recorder, self.heartbeat)
        self._pace = Pace(options.batch_size)

    def run(self) -> int:
        """Work until a signal, `drain`, `max_jobs` or `max_memory_mb` ends it; gives the process's exit code."""
        current.works_as(self.options.worker_id)
        self._install_signals()
        # With DEBUG Django keeps 9,000 statements per connection, and a worker's name hundreds of jobs each.
        BaseDatabaseWrapper.queries_limit = 0
        patiently("signing on", self.heartbeat.beat, self.stopping)
        self.inbox.on_cancel = self.heartbeat.cancel
        self.lines.begin()
        self.recorder.start()
        # Others give a silent worker up after three beats: a connection that hangs is replaced before.
        StallWatch(2 * self.options.heartbeat_interval).start()
        self.heartbeat.start()
        for listener in self.listeners:
            listener.start()
        if self.options.maintenance:
            self.maintenance.start()
            self.chores.start()
            self.scheduler.start()
            self.webhooks.start()
        if self.search_sync is not None:
            self.search_sync.start()
        self._claiming.start()
        _logger.info(
            "worker %s works on %s with %s slots",
            self.options.worker_id,
            ", ".join(self.options.queues or ["all queues"]),
            self.options.concurrency,
        )
        self._watch()
        self._end()
        return self.exit_code

    def stop(self) -> None:
        """Claim nothing more; a second call ends the grace period."""
        if self._patient:
            self._patient = False
        elif self.stopping.is_set():
            self._hurry.set()
        self.stopping.set()
        self.hand.room.set()

    def retire(self) -> None:
        """Claim nothing more, and end when all that runs has ended; the grace period begins with a later `stop`."""
        if not self.stopping.is_set():
            self._patient = True
            self.stopping.set()
            self.hand.room.set()

    def _install_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGUSR1, lambda number, frame: self.retire())

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop()

    def _watch(self) -> None:
        # Signals are handled between two waits of the main thread, so it does nothing else.
        while not self.stopping.wait(0.2):
            if self.heartbeat.wish == Worker.Wish.DRAIN:
                _logger.info("worker %s was told to drain", self.options.worker_id)
                self.retire()
                return
            limit = self.options.max_memory_mb
            if limit is not None and self.heartbeat.memory_mb > limit:
                _logger.warning(
                    "%.0f MB are above --max-memory %.0f, a fresh process takes over", self.heartbeat.memory_mb, limit
                )
                self._replace()
            elif self.threads.abandoned > MOST_ABANDONED_PER_SLOT * self.options.concurrency:
                _logger.error("%s threads ignore their timeouts, a fresh process takes over", self.threads.abandoned)
                self._replace()
            elif dead := [thread.name for thread in self._vital if not thread.is_alive()]:
                _logger.critical("threads have died (%s), a fresh process takes over", ", ".join(dead))
                self._replace()

    def _replace(self) -> None:
        self.exit_code = EXIT_REPLACE
        self.stop()

    def _claim_until_stopped(self) -> None:
        woken = False
        while not self.stopping.is_set():
            self.inbox.pass_on(self.claimer)
            room = self._room()
            if room <= 0:
                self.hand.room.wait(0.1)
                self.hand.room.clear()
                continue
            attempts = patiently("claiming", lambda room=room: self.claimer.claim(room), self.stopping)  # type: ignore[misc]
            if attempts:
                self.counts.claimed(attempts, woken)
                woken = False
                self._hand_out(attempts)
            elif self.options.drain and self._drained():
                self.stop()
            else:
                woken = True
                idle = self.inbox.idle(self.claimer.idle_seconds())
                # The last outcomes are told by nobody, so a draining worker looks often.
                self.hand.room.wait(min(idle, DRAIN_LOOK_SECONDS) if self.options.drain else idle)
                self.hand.room.clear()
        close_quietly()

    def _room(self) -> int:
        """How many jobs to claim now: for free slots and, at a high pace, ahead of them."""
        if self.heartbeat.wish:
            return 0
        ahead = self._pace.ahead(self.hand.settled)
        most = self.options.concurrency + ahead
        in_hand = len(self.hand.attempts)
        # At a high pace claims are worth a round trip only in bulk; without one every free slot counts.
        self.hand.low_water = self.options.concurrency - 1 + ahead // 2
        unrecorded = len(self.hand.outcomes) > 4 * (self.options.batch_size + self.options.concurrency)
        if in_hand > self.hand.low_water or unrecorded:
            return 0
        room = min(most - in_hand, max(self.options.batch_size, self.options.concurrency))
        if self.options.max_jobs is not None:
            left = self.options.max_jobs - self.hand.settled - in_hand
            if left <= 0 and in_hand == 0:
                self.stop()
            room = min(room, left)
        return room

    def _drained(self) -> bool:
        if self.hand.attempts or self.hand.outcomes:
            return False
        return patiently("looking for work", self.claimer.waiting, self.stopping) is False

    def _hand_out(self, attempts: list[Attempt]) -> None:
        self.hand.take(attempts)
        if self.heartbeat.barred:
            attempts = refuse_barred(self.hand, attempts, self.heartbeat.barred)
        _look_for_types(attempts)
        coroutines = [attempt for attempt in attempts if is_coroutine(attempt)]
        plain = attempts if not coroutines else [attempt for attempt in attempts if not is_coroutine(attempt)]
        for attempt in attempts:
            if attempt.timeout is None and attempt.job_type in registry:
                attempt.timeout = registry.get(attempt.job_type).timeout
        if coroutines:
            self.coroutines.submit(coroutines)
        if plain:
            self.threads.submit(plain)

    def _interrupt(self, attempt: Attempt) -> None:
        self.coroutines.interrupt(attempt)

    def _abandon(self, attempt: Attempt) -> None:
        self.threads.abandon(attempt)

    def _end(self) -> None:
        _logger.info(
            "worker %s stops: %s jobs run on %s",
            self.options.worker_id,
            len(self.hand.running()),
            "to their end" if self._patient else f"for at most {self.options.grace:.0f} s",
        )
        self.heartbeat.stopping = True
        self.maintenance.stop()
        self.chores.stop()
        self.scheduler.stop()
        self.webhooks.stop()
        if self.search_sync is not None:
            self.search_sync.stop()
        for listener in self.listeners:
            listener.stop()
        self._claiming.join()
        for attempt in self.hand.unstarted():
            self.hand.give_back(attempt)
        self._await_running()
        for attempt in self.hand.running():
            # Interrupted, not failed: another worker takes it at once, and no retry is used up.
            self.hand.settle(attempt, Snoozed(0.0))
            attempt.fenced = True
            self._interrupt(attempt)
        self.threads.stop()
        self.coroutines.stop()
        self.recorder.finish(OUTCOMES_GRACE_SECONDS)
        self.lines.finish(LINES_GRACE_SECONDS)
        if self.search_sync is not None:
            self.search_sync.finish()
        # Last of all: while anything runs or waits to be recorded, the heartbeat keeps it ours.
        self.heartbeat.stop()
        self.heartbeat.join()
        _logger.info("worker %s has stopped after %s jobs", self.options.worker_id, self.hand.settled)

    def _await_running(self) -> None:
        deadline = None
        self.hand.low_water = 0
        while self.hand.attempts and not self._hurry.is_set():
            if deadline is None and not self._patient:
                deadline = time.monotonic() + self.options.grace
            if deadline is not None and time.monotonic() >= deadline:
                break
            self.hand.room.wait(0.1)
            self.hand.room.clear()


def _search_sync() -> "SearchSync | None":
    if not conf.search_urls():
        return None
    from jobs.worker.search_sync import SearchSync  # what it needs is not loaded where no engine is named

    return SearchSync()


def _look_for_types(attempts: list[Attempt]) -> None:
    for name in {attempt.job_type for attempt in attempts if attempt.job_type not in registry}:
        # What goes wrong there is the attempts' own error, as soon as they run and look again.
        with suppress(Exception):
            registry.find(name)
