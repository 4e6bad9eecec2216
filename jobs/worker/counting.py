"""Counting attempts, waits, renewals and lost locks for /metrics: in memory, and now and then into the database."""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from jobs.models import EventCount
from jobs.models.counter import RUN_TIME_BUCKETS, OutcomeCounter
from jobs.models.event_count import LOCK_LOST, RENEWED, WORKER_LOST
from jobs.models.wait_counter import WAIT_BUCKETS, WAITED, WOKEN, WaitCounter
from jobs.outcomes import Attempt, Released
from jobs.recording import Recorded

#: Names of queues come from callers: what is beyond so many rows is counted under this name.
MOST_ROWS: Final = 2_000
OTHER: Final = "_other"

Key = tuple[str, ...]
#: How many, their seconds, and how many of them in each bucket.
Sums = dict[Key, list[float]]


class Counts:
    """What has happened since the last flush."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: Sums = {}
        self._waits: Sums = {}
        self._events: Counter[tuple[str, str, str]] = Counter()
        self._known_attempts: set[Key] = set()
        self._known_waits: set[Key] = set()

    def claimed(self, attempts: Iterable[Attempt], woken: bool) -> None:
        """Count how long they had been due; `woken` says that their worker had been waiting for work."""
        with self._lock:
            for attempt in attempts:
                seconds = max(attempt.waited or 0.0, 0.0)
                _add(self._waits, (WAITED, attempt.queue), seconds, WAIT_BUCKETS)
                # Those with a key may have waited for others of their key.
                if woken and not attempt.limited and attempt.concurrency_key is None:
                    _add(self._waits, (WOKEN, attempt.queue), seconds, WAIT_BUCKETS)

    def add(self, batch: Sequence[Recorded]) -> None:
        """Count attempts that have just been recorded; their run time ends now, give or take a batch."""
        now = time.monotonic()
        with self._lock:
            for attempt, outcome in batch:
                if not isinstance(outcome, Released):
                    seconds = now - attempt.started_at if attempt.started_at is not None else 0.0
                    key = (attempt.queue, attempt.job_type, type(outcome).__name__.lower())
                    _add(self._attempts, key, seconds, RUN_TIME_BUCKETS)

    def renewed(self, attempts: Iterable[Attempt]) -> None:
        """Count locks that were renewed."""
        self._note(RENEWED, attempts)

    def lost(self, attempts: Iterable[Attempt]) -> None:
        """Count locks that turned out to be another worker's."""
        self._note(LOCK_LOST, attempts)

    def workers_lost(self, number: int) -> None:
        """Count workers that were silent for so long that they are taken for dead."""
        with self._lock:
            self._events[WORKER_LOST, "", ""] += number

    def _note(self, name: str, attempts: Iterable[Attempt]) -> None:
        with self._lock:
            for attempt in attempts:
                self._events[name, attempt.queue, attempt.job_type] += 1

    def flush(self) -> None:
        """Add what was counted to the tables; on an error it is kept for the next time."""
        with self._lock:
            attempts, waits, events = self._attempts, self._waits, self._events
            self._attempts, self._waits, self._events = {}, {}, Counter()
        try:
            if attempts:
                self._known_attempts = _known(OutcomeCounter, attempts, self._known_attempts)
                OutcomeCounter.objects.add_up(_rows(attempts, self._known_attempts))
                attempts = {}
            if waits:
                self._known_waits = _known(WaitCounter, waits, self._known_waits)
                WaitCounter.objects.add_up(_rows(waits, self._known_waits))
                waits = {}
            if events:
                EventCount.objects.note([(*key, count) for key, count in events.items()])
        except BaseException:
            self._put_back(attempts, waits, events)
            raise

    def _put_back(self, attempts: Sums, waits: Sums, events: Mapping[tuple[str, str, str], int]) -> None:
        with self._lock:
            _merge(self._attempts, attempts)
            _merge(self._waits, waits)
            self._events.update(events)


def _add(sums: Sums, key: Key, seconds: float, buckets: Sequence[float]) -> None:
    row = sums.get(key)
    if row is None:
        row = sums[key] = [0.0] * (len(buckets) + 3)
    row[0] += 1
    row[1] += seconds
    row[2 + bisect_left(buckets, seconds)] += 1


def _merge(sums: Sums, more: Sums) -> None:
    for key, row in more.items():
        sums[key] = [a + b for a, b in zip(row, sums.get(key, [0.0] * len(row)), strict=True)]


def _known(model: type[OutcomeCounter] | type[WaitCounter], sums: Sums, known: set[Key]) -> set[Key]:
    """Give the keys that may have rows of their own, asking the table only when there are new ones."""
    if sums.keys() <= known:
        return known
    names = [field.attname for field in model._meta.concrete_fields][: len(next(iter(sums)))]
    there: set[Key] = set(model._default_manager.order_by().values_list(*names))
    return there | set(sorted(sums.keys() - there)[: max(0, MOST_ROWS - len(there))])


def _rows(sums: Sums, known: set[Key]) -> list[list[Any]]:
    """Give the tables' rows in the order of their keys, with what is too much under one name."""
    bounded: Sums = {}
    for key, row in sums.items():
        _merge(bounded, {key if key in known else _folded(key): row})
    return [
        [*key, int(count), seconds, [int(number) for number in histogram]]
        for key, (count, seconds, *histogram) in sorted(bounded.items())
    ]


def _folded(key: Key) -> Key:
    return (key[0], OTHER) if len(key) == 2 else (OTHER, OTHER, key[2])
