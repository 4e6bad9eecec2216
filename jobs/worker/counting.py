"""Counting attempts for /metrics, in memory and now and then into the database."""

import threading
import time
from bisect import bisect_left
from typing import Any

from jobs.models.counter import RUN_TIME_BUCKETS, OutcomeCounter
from jobs.outcomes import Released
from jobs.recording import Recorded

Key = tuple[str, str, str]


class Counts:
    """Attempts since the last flush, by queue, job type and outcome."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Key, list[float]] = {}

    def add(self, batch: list[Recorded]) -> None:
        """Count attempts that have just been recorded; their run time ends now, give or take a batch."""
        now = time.monotonic()
        with self._lock:
            for attempt, outcome in batch:
                if isinstance(outcome, Released):
                    continue
                key = (attempt.queue, attempt.job_type, type(outcome).__name__.lower())
                row = self._counts.get(key)
                if row is None:
                    row = self._counts[key] = [0.0] * (len(RUN_TIME_BUCKETS) + 3)
                seconds = now - attempt.started_at if attempt.started_at is not None else 0.0
                row[0] += 1
                row[1] += seconds
                row[2 + bisect_left(RUN_TIME_BUCKETS, seconds)] += 1

    def flush(self) -> None:
        """Add what was counted to the table; on an error it is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        try:
            rows: list[list[Any]] = [
                [*key, int(count), seconds, [int(number) for number in histogram]]
                for key, (count, seconds, *histogram) in sorted(counts.items())
            ]
            if rows:
                OutcomeCounter.objects.add_up(rows)
        except BaseException:
            self._put_back(counts)
            raise

    def _put_back(self, counts: dict[Key, list[float]]) -> None:
        with self._lock:
            for key, row in counts.items():
                newer = self._counts.get(key, [0.0] * len(row))
                self._counts[key] = [a + b for a, b in zip(row, newer, strict=True)]
