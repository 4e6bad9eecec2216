"""The thread that writes outcomes and progress, as many at a time as have come together."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from django.db import DatabaseError

from jobs import current, observers
from jobs.announce import ANY_PRIORITY, Freed, announce, announce_room
from jobs.execution import describe
from jobs.outcomes import Attempt, DeadLettered, Outcome, Released, Retry, Snoozed, Suspended
from jobs.recording import Recorded, record, record_progress
from jobs.worker.counting import Counts
from jobs.worker.database import TRANSIENT, close_quietly, patiently
from jobs.worker.hand import Hand
from jobs.worker.keeping import keep_results
from jobs.worker.outcome_lines import say
from jobs.worker.telling import Teller

_logger = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 1_000
#: PostgreSQL takes no message above 1 GB, and the worker's memory is bounded too.
MOST_BYTES_AT_ONCE: Final = 16_000_000

#: While outcomes stream in, so long is waited for more of them; a lone one is written at once.
GATHER_SECONDS: Final = 0.004
STREAM: Final = 16


class Recorder(threading.Thread):
    """Records until it is stopped and nothing is left; the database being away only delays it."""

    def __init__(
        self,
        hand: Hand,
        counts: Counts,
        expect: Callable[[float], None],
        release: Callable[[], None] = lambda: None,
        room_made: Callable[[Collection[Freed]], None] = lambda freed: None,
    ) -> None:
        super().__init__(name="recorder", daemon=True)
        self.hand = hand
        self.counts = counts
        self._expect = expect
        self._release = release
        self._room_made = room_made
        self._teller = Teller()
        self._stopping = threading.Event()
        self._give_up = threading.Event()
        self._last_size = 0
        self._progress: dict[int, Attempt] = {}

    def finish(self, patience: float) -> None:
        """Record what is left and end; when the database stays away for so many seconds, leave it to the rescue."""
        self._stopping.set()
        self.hand.unrecorded.set()
        self.join(patience)
        self._give_up.set()
        self.hand.unrecorded.set()
        self.join(patience)
        self._teller.finish(patience)
        if self.hand.outcomes:
            _logger.error("%s outcomes are not recorded; those jobs run again", len(self.hand.outcomes))

    def tell_progress(self, attempt: Attempt) -> None:
        """Have the attempt's latest progress written soon."""
        self._progress[attempt.lock_token] = attempt
        if not self.hand.unrecorded.is_set():
            self.hand.unrecorded.set()

    def run(self) -> None:
        while True:
            self.hand.unrecorded.wait()
            self.hand.unrecorded.clear()
            if self._last_size >= STREAM and len(self.hand.outcomes) < self._last_size:
                time.sleep(GATHER_SECONDS)
            self._flush_progress()
            while self.hand.outcomes and not self._give_up.is_set():
                self._flush()
            if self._stopping.is_set() and (self._give_up.is_set() or not self.hand.outcomes):
                close_quietly()
                return

    def _flush(self) -> None:
        outcomes = self.hand.outcomes
        batch: list[Recorded] = []
        size = 0
        while outcomes and len(batch) < MOST_AT_ONCE and size < MOST_BYTES_AT_ONCE:
            batch.append(outcomes.popleft())
            size += len(getattr(batch[-1][1], "result", None) or "")
        self._last_size = len(batch)
        # Here and not where they are written: a batch that is refused is written again, in halves.
        keep_results(batch)
        self._write(batch)
        delays = [delay for _, outcome in batch if (delay := _due_in(outcome)) is not None]
        if delays:
            self._expect(min(delays))
        # Other workers may be idle; without a word they would find these at their next poll.
        announce({(attempt.queue, ANY_PRIORITY) for attempt, outcome in batch if _given_back(outcome)})

    def _write(self, batch: list[Recorded]) -> None:
        try:
            lost = patiently("recording outcomes", lambda: record(batch), self._give_up)
        except DatabaseError as error:
            self._isolate(batch, error)
            return
        if lost is None:
            self.hand.outcomes.extend(batch)
            return
        # Not by `fenced`: an attempt that was ended from outside is fenced as well, and its outcome is recorded.
        unrecorded = set(lost)
        recorded = [ended for ended in batch if ended[0] not in unrecorded] if lost else batch
        # A word that came after the last look at the progress: with the outcome there is nothing to write it to.
        for attempt, _ in batch if self._progress else ():
            self._progress.pop(attempt.lock_token, None)
        self.counts.add(recorded)
        self.counts.lost(lost)
        say(recorded)
        for attempt in lost:
            attempt.fenced = True
            _logger.warning(
                "lock_lost: the outcome of job %s attempt %s changes nothing, another worker holds it",
                attempt.id,
                attempt.number,
                extra=current.fields(attempt),
            )
        self.tell(recorded)

    def tell(self, recorded: list[Recorded]) -> None:
        """Tell observers of what is in the database by now; those that take their time in a thread of their own."""
        if any(attempt.has_followers for attempt, _ in recorded):
            # Followers that came while the job ran are not known here: the database tells workers of those.
            self._release()
        if freed := {(attempt.queue, attempt.concurrency_key) for attempt, _ in recorded if attempt.limited}:
            self._room_made(freed)
            announce_room(freed)
        observers.tell(recorded, self._teller.put)

    def _isolate(self, batch: list[Recorded], error: DatabaseError) -> None:
        """Find the outcome that PostgreSQL refuses, so that it does not hold up the others."""
        if len(batch) > 1:
            middle = len(batch) // 2
            self._write(batch[:middle])
            self._write(batch[middle:])
            return
        attempt, outcome = batch[0]
        _logger.error(
            "job %s: PostgreSQL refused its outcome %r",
            attempt.id,
            type(outcome).__name__,
            exc_info=error,
            extra=current.fields(attempt),
        )
        if not isinstance(outcome, DeadLettered):
            self._write([(attempt, DeadLettered(describe(attempt, error, "refused_outcome")))])

    def _flush_progress(self) -> None:
        if not self._progress:
            return
        told, self._progress = self._progress, {}
        # A handler may still be adding to the old dictionary.
        news = [(attempt, said) for attempt in list(told.values()) if (said := attempt.progress) and not attempt.fenced]
        try:
            lost = record_progress(news) if news else []
        except TRANSIENT as error:
            # The next word of the handler will say more; outcomes must not wait for this one.
            _logger.warning("progress not written: %s", error)
            return
        for attempt in lost:
            words = "lock_lost: job %s attempt %s is another worker's"
            _logger.warning(words, attempt.id, attempt.number, extra=current.fields(attempt))
            self.counts.lost([attempt])
            self.hand.fence(attempt)


def _due_in(outcome: Outcome) -> float | None:
    if isinstance(outcome, Suspended) and outcome.event:
        # The event may have come just before its job was put back, and whoever sent it told nobody.
        return 0.0
    return outcome.delay if isinstance(outcome, Retry | Snoozed | Suspended) else None


def _given_back(outcome: Outcome) -> bool:
    return isinstance(outcome, Released) or (isinstance(outcome, Snoozed) and not outcome.delay)
