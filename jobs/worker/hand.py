"""The attempts this worker holds, and the outcomes it has yet to record."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from jobs.outcomes import Attempt, Outcome, Released
from jobs.recording import Recorded


class Hand:
    """Shared by the worker's threads. The first to settle an attempt decides its outcome; later words are dropped.

    Single steps on dicts and deques are atomic in CPython, so the hot path takes no lock of its own.
    """

    def __init__(self) -> None:
        self.attempts: Final[dict[int, Attempt]] = {}
        self.outcomes: Final[deque[Recorded]] = deque()
        #: Set when there is something to record; the recorder clears it.
        self.unrecorded: Final = threading.Event()
        #: Set when the claimer should look for room; the claimer clears it.
        self.room: Final = threading.Event()
        #: Wake the claimer once so few are left in hand.
        self.low_water = 0
        self._taken = 0
        self._given_back = 0
        # Begun or given back, never both.
        self._starting = threading.Lock()

    def take(self, attempts: Iterable[Attempt]) -> None:
        taken = list(attempts)
        self._taken += len(taken)
        self.attempts.update((attempt.lock_token, attempt) for attempt in taken)

    @property
    def settled(self) -> int:
        """How many attempts have ended; counted by who takes and gives back, not by the many threads that settle."""
        return self._taken - self._given_back - len(self.attempts)

    def start(self, attempt: Attempt) -> bool:
        """Mark an attempt as begun, unless it was given back or lost while it waited for a slot."""
        with self._starting:
            if attempt.lock_token not in self.attempts:
                return False
            attempt.started_at = time.monotonic()
            return True

    def give_back(self, attempt: Attempt) -> bool:
        """Release an attempt that no slot has begun."""
        with self._starting:
            given = attempt.started_at is None and self.settle(attempt, Released())
            self._given_back += given
            return given

    def settle(self, attempt: Attempt, outcome: Outcome) -> bool:
        """Hand an outcome to the recorder, unless the attempt was settled or fenced off before."""
        if self.attempts.pop(attempt.lock_token, None) is None:
            return False
        self.outcomes.append((attempt, outcome))
        if not self.unrecorded.is_set():
            self.unrecorded.set()
        if len(self.attempts) <= self.low_water and not self.room.is_set():
            self.room.set()
        return True

    def recorded_already(self, attempt: Attempt) -> None:
        """Let go of an attempt whose outcome was committed by the handler's own transaction."""
        if self.attempts.pop(attempt.lock_token, None) is not None:
            self.room.set()

    def fence(self, attempt: Attempt) -> None:
        """Give up an attempt without an outcome: another worker's word counts now."""
        attempt.fenced = True
        if self.attempts.pop(attempt.lock_token, None) is not None:
            self.room.set()

    def unstarted(self) -> list[Attempt]:
        return [attempt for attempt in list(self.attempts.values()) if attempt.started_at is None]

    def running(self) -> list[Attempt]:
        return [attempt for attempt in list(self.attempts.values()) if attempt.started_at is not None]
