"""Whether searches go to the engine: after some bad ones in a row none does for a while, then one tries.

It is this process's own knowledge, in memory: to share it would cost the database what it is to be spared.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from jobs.search.engine.failures import EngineAway, EngineError

T = TypeVar("T")
State = Literal["closed", "open", "half_open"]

#: So many in a row, within so many seconds, open it.
FAILURES: Final = 5
WITHIN: Final = 10.0
#: Seconds that an answer may take before it counts as a failure, though it is used.
SLOW: Final = 0.8
#: Seconds that it is open at first, twice as long after each try that fails, and at the longest.
OPEN_FOR: Final = 5.0
OPEN_FOR_AT_MOST: Final = 60.0


class CircuitOpen(EngineAway):
    """The engine was away a moment ago and is not asked."""

    says = "The search engine is not asked"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a circuit has seen since the process began."""

    state: State
    #: How often it opened, tries that failed among them.
    opened: int
    failures: int
    slow: int
    #: Calls that were not made.
    spared: int


class Circuit:
    """Makes calls, or raises CircuitOpen in their place. Threads may share it."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = lambda: random.uniform(0.75, 1.25),  # noqa: S311 (no secret)
    ) -> None:
        self._now = now
        self._jitter = jitter
        self._lock = threading.Lock()
        #: When the latest bad calls in a row ended.
        self._bad: list[float] = []
        self._open_until: float | None = None
        self._probing = False
        #: How often in a row it opened without having closed.
        self._trips = 0
        #: One more with each change of state: what began in an earlier one says nothing about this.
        self._era = 0
        self._opened = self._failures = self._slow = self._spared = 0

    @property
    def state(self) -> State:
        return self.figures().state

    def figures(self) -> Figures:
        """Tell how it is, for metrics and for people."""
        with self._lock:
            state: State = "half_open" if self._probing else "closed" if self._open_until is None else "open"
            return Figures(state, self._opened, self._failures, self._slow, self._spared)

    def run(self, call: Callable[[], T]) -> T:
        """Make a call and learn from what becomes of it; only EngineAway, and slowness, count against the engine."""
        era = self._enter()
        began = self._now()
        try:
            result = call()
        except EngineAway as exc:
            self._failed(era, exc.retry_after)
            raise
        except EngineError:
            # It is there, and answers.
            self._answered(era, self._now() - began)
            raise
        except BaseException:
            self._leave(era)
            raise
        self._answered(era, self._now() - began)
        return result

    def _enter(self) -> int:
        with self._lock:
            if self._open_until is not None:
                left = self._open_until - self._now()
                if self._probing or left > 0:
                    self._spared += 1
                    reason = "another call tries it just now" if self._probing else "it was away a moment ago"
                    raise CircuitOpen(0, "circuit_open", reason, max(left, 0.0))
                self._probing = True
                self._era += 1
            return self._era

    def _answered(self, era: int, seconds: float) -> None:
        with self._lock:
            if seconds > SLOW:
                self._slow += 1
                self._bad_one(era, None)
            elif era == self._era:
                self._bad.clear()
                if self._probing:
                    self._probing, self._open_until, self._trips = False, None, 0
                    self._era += 1

    def _failed(self, era: int, wait: float | None) -> None:
        with self._lock:
            self._failures += 1
            self._bad_one(era, wait)

    def _bad_one(self, era: int, wait: float | None) -> None:
        if era != self._era:
            return
        now = self._now()
        self._bad = [moment for moment in self._bad if now - moment < WITHIN] + [now]
        if self._probing or len(self._bad) >= FAILURES:
            self._open(now, wait)

    def _open(self, now: float, wait: float | None) -> None:
        period = min(OPEN_FOR * 2 ** min(self._trips, 10), OPEN_FOR_AT_MOST) * self._jitter()
        # Jitter only makes what the engine asks for longer.
        self._open_until = now + max(period, min(wait or 0.0, OPEN_FOR_AT_MOST) * max(self._jitter(), 1.0))
        self._probing = False
        self._bad.clear()
        self._trips += 1
        self._opened += 1
        self._era += 1

    def _leave(self, era: int) -> None:
        """End a call that came to nothing on our side: it says nothing of the engine, and another one may try."""
        with self._lock:
            if self._probing and era == self._era:
                self._probing = False
                self._era += 1
