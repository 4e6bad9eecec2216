"""What stands between requests and the request log: a bounded buffer, and a thread that empties it in bulk.

Nothing here fails or slows a request. While the database is away rows are kept, up to a bound; what is beyond it is
dropped and counted. The end of the process waits a few seconds for what is left.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.util import Finalize
from typing import Final

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connections
from psycopg.errors import CheckViolation

from analytics import partitions, writing
from analytics.models.alarm import DROPPED, MISSING_PARTITION
from analytics.writing import Row

_logger = logging.getLogger(__name__)

MOST_ROWS: Final = 20_000
MOST_BYTES: Final = 64_000_000
#: A row waits at most so long for others.
GATHER_SECONDS: Final = 0.2
GATHER_ROWS: Final = 500
MOST_AT_ONCE: Final = 2_000
LONGEST_WAIT: Final = 5.0
#: How long the end of the process waits for the database.
PATIENCE: Final = 5.0
#: A thread with nothing to do gives its connection back after so long.
IDLE_SECONDS: Final = 10.0

Write = Callable[[Sequence[Row], Mapping[str, int]], None]


class Recorder:
    """One in each process; its thread starts with the first row."""

    def __init__(self, write: Write = writing.write, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self._write = write
        self._most_rows, self._most_bytes = most_rows, most_bytes
        self._rows: deque[Row] = deque()
        #: Of the buffer and of the batch that is being written.
        self._held = self._bytes = 0
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._deadline = float("inf")
        #: Since the process began.
        self.recorded = self.dropped = self.failures = 0
        self._alarms = {DROPPED: 0, MISSING_PARTITION: 0}

    @property
    def held(self) -> int:
        """Rows that are not in the database yet."""
        return self._held

    @property
    def alarms(self) -> Mapping[str, int]:
        """What the counters in the database do not know of yet."""
        return dict(self._alarms)

    def add(self, rows: Sequence[Row]) -> None:
        """Have the rows written soon; returns at once, and never raises."""
        with self._news:
            taken = self._take(rows)
            alive = self._thread is not None and self._thread.is_alive()
            if taken and not alive and not self._closing:
                self._start()
            if len(self._rows) == taken or len(self._rows) >= GATHER_ROWS:
                self._news.notify_all()
        if self._closing and not alive:
            self._empty()

    def close(self, patience: float = PATIENCE) -> None:
        """Write what is left, waiting so long for a database that is away; later rows are written as they come."""
        with self._news:
            self._closing = True
            self._deadline = time.monotonic() + patience
            self._news.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(patience + 1)

    def _empty(self) -> None:
        """Write without the thread, which cannot be started any more: for what ends after the process was told to."""
        while batch := self._next():
            self._deliver(batch)
            self._settle(batch)
        connections.close_all()

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait for all rows to be in the database, or dropped: for tests and measurements."""
        with self._news:
            return self._news.wait_for(lambda: self._held == 0, seconds)

    def _take(self, rows: Sequence[Row]) -> int:
        taken = 0
        for row in rows:
            if self._held >= self._most_rows or self._bytes + row.size > self._most_bytes:
                self._drop(len(rows) - taken)
                break
            self._rows.append(row)
            self._held += 1
            self._bytes += row.size
            taken += 1
        return taken

    def _start(self) -> None:
        if self._thread is None:
            # A process that multiprocessing made ends without atexit's functions, and others without these.
            Finalize(None, self.close, exitpriority=100)
            atexit.register(self.close)
        self._thread = threading.Thread(target=self._run, name="log-recorder", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while (batch := self._next()) is not None:
                if batch:
                    self._deliver(batch)
                    self._settle(batch)
                _rest(idle=not batch)
        finally:
            connections.close_all()

    def _next(self) -> list[Row] | None:
        """Wait for rows; an empty list after a while without any, None at the end."""
        with self._news:
            self._news.wait_for(lambda: self._rows or self._closing, IDLE_SECONDS)
            if self._closing and not self._rows:
                return None
            if self._rows:
                self._news.wait_for(lambda: len(self._rows) >= GATHER_ROWS or self._closing, GATHER_SECONDS)
            return [self._rows.popleft() for _ in range(min(len(self._rows), MOST_AT_ONCE))]

    def _settle(self, batch: Sequence[Row]) -> None:
        with self._news:
            self._held -= len(batch)
            self._bytes -= sum(row.size for row in batch)
            self._news.notify_all()

    def _deliver(self, batch: Sequence[Row], made: bool = False) -> None:
        """Write the batch, however long the database is away; what it refuses is found and dropped."""
        try:
            if not self._patiently(batch):
                self._drop(len(batch), "the database is away at the end of the process")
        except IntegrityError as error:
            if made or not _lacks_partition(error):
                self._isolate(batch, error)
            else:
                self._make_partitions(batch, error)
        except DatabaseError as error:
            self._isolate(batch, error)
        except Exception:
            _logger.exception("the request log cannot be written")
            self._drop(len(batch))

    def _patiently(self, batch: Sequence[Row]) -> bool:
        failures = 0
        while True:
            alarms = self.alarms
            try:
                self._write(batch, alarms)
            except (OperationalError, InterfaceError) as error:
                connections.close_all()
                failures += 1
                self.failures += 1
                if not self._wait(min(LONGEST_WAIT, 0.05 * 2**failures)):
                    return False
                _logger.warning("the request log waits for the database: %s", str(error).strip().split("\n", 1)[0])
                continue
            with self._news:
                for name, count in alarms.items():
                    self._alarms[name] -= count
            self.recorded += len(batch)
            return True

    def _wait(self, seconds: float) -> bool:
        """Wait before the next try; False when there is no time left for one."""
        with self._news:
            self._news.wait_for(lambda: self._closing, seconds)
            closing = self._closing
        if closing:
            time.sleep(min(seconds, max(0.0, self._deadline - time.monotonic())))
        return time.monotonic() < self._deadline

    def _make_partitions(self, batch: Sequence[Row], error: IntegrityError) -> None:
        try:
            made = partitions.create_for(writing.times(batch))
        except DatabaseError as worse:
            _logger.exception("a partition of the request log is missing and cannot be made")
            self._isolate(batch, worse)
            return
        if made:
            _logger.error("partitions of the request log were missing and have been made: %s", ", ".join(made))
            with self._news:
                self._alarms[MISSING_PARTITION] += 1
        self._deliver(batch, made=True)

    def _isolate(self, batch: Sequence[Row], error: DatabaseError) -> None:
        """Find the row that PostgreSQL refuses, so that it takes no others with it."""
        if len(batch) > 1:
            middle = len(batch) // 2
            self._deliver(batch[:middle])
            self._deliver(batch[middle:])
        else:
            self._drop(1, f"PostgreSQL refuses it: {str(error).strip()}")

    def _drop(self, count: int, reason: str = "the buffer is full") -> None:
        # The first of a series says it; the counters say how many.
        if not self.dropped:
            _logger.error("rows of the request log are dropped: %s", reason)
        with self._news:
            self.dropped += count
            self._alarms[DROPPED] += count


def _rest(idle: bool) -> None:
    """Give back what the thread would keep others from using."""
    for connection in connections.all(initialized_only=True):
        if idle or connection.settings_dict["OPTIONS"].get("pool"):
            connection.close()
        else:
            connection.close_if_unusable_or_obsolete()


def _lacks_partition(error: IntegrityError) -> bool:
    # The table's own checks have a name.
    cause = error.__cause__
    return isinstance(cause, CheckViolation) and not cause.diag.constraint_name


#: The one of this process.
recorder: Final = Recorder()
