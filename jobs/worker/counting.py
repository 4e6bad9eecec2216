"""Counting attempts for /metrics, in memory and now and then into the database."""

import threading
import time
from bisect import bisect_left
from typing import Any, Final

from django.db import connection

from jobs.models.counter import RUN_TIME_BUCKETS
from jobs.outcomes import Released
from jobs.recording import Recorded

# Several workers add to one row; the ORM has no upsert that adds. Rows in the order of their key: no deadlock.
_ADD: Final = """
INSERT INTO job_outcome_counters AS c (queue, job_type, outcome, count, run_seconds, histogram)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (queue, job_type, outcome) DO UPDATE
SET count = c.count + excluded.count, run_seconds = c.run_seconds + excluded.run_seconds,
    histogram = (SELECT array_agg(coalesce(old, 0) + coalesce(new, 0) ORDER BY at)
                 FROM unnest(c.histogram, excluded.histogram) WITH ORDINALITY AS h (old, new, at))
"""

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
                with connection.cursor() as cursor:
                    cursor.executemany(_ADD, rows)
        except BaseException:
            self._put_back(counts)
            raise

    def _put_back(self, counts: dict[Key, list[float]]) -> None:
        with self._lock:
            for key, row in counts.items():
                newer = self._counts.get(key, [0.0] * len(row))
                self._counts[key] = [a + b for a, b in zip(row, newer, strict=True)]
