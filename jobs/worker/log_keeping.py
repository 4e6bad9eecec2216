"""Keeping what is logged while a job runs, for the page of the job."""

import logging
import threading
from collections import OrderedDict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import DatabaseError, connection

from jobs import current
from jobs.log_lines import MESSAGE_MAX_CHARACTERS, Line, keep
from jobs.payloads import storable
from jobs.scrubbing import scrub_head, scrub_tail
from jobs.worker.database import close_quietly
from jobs.worker.stalls import talking

if TYPE_CHECKING:
    from jobs.outcomes import Attempt

_logger = logging.getLogger(__name__)

#: Lines that wait to be written; of more the oldest are lost, for no handler waits for its lines.
MOST_WAITING: Final = 10_000
MOST_AT_ONCE: Final = 1_000
#: After a line so long is waited for more of them.
GATHER_SECONDS: Final = 0.2
#: A thread that has had nothing to write for so long gives its connection back.
IDLE_SECONDS: Final = 20.0
#: Attempts whose lines are counted.
MOST_COUNTED: Final = 10_000

#: Says of each failed attempt what its error history says; it would cost every failure a row.
_SAID_ELSEWHERE: Final = "jobs.attempts"

#: When, level, logger, and the words.
Said = tuple[float, str, str, str]


class LineKeeper(logging.Handler):
    """A log handler that keeps the lines of attempts. Its thread begins with the first line."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self._lines: deque[Line] = deque(maxlen=MOST_WAITING)
        self._counted: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._some = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Listen to all loggers of this process."""
        if self.most:
            logging.getLogger().addHandler(self)

    def finish(self, patience: float) -> None:
        """Listen no more, and write what is left."""
        logging.getLogger().removeHandler(self)
        self._ended.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join(patience)

    def emit(self, record: logging.LogRecord) -> None:
        if found := attempt_of(record):
            self._add(*found, said(record))

    def heard(self, attempt: "Attempt", line: Said) -> None:
        """Keep a line that came from an attempt's own process."""
        self.acquire()
        try:
            self._add(attempt.id, attempt.number, line)
        finally:
            self.release()

    def _add(self, job_id: str, attempt: int, line: Said) -> None:
        number = self._counted.pop((job_id, attempt), 0)
        self._counted[job_id, attempt] = number + 1
        if len(self._counted) > MOST_COUNTED:
            self._counted.popitem(last=False)
        created, *words = line
        self._lines.append(Line(job_id, attempt, number, datetime.fromtimestamp(created, UTC), *words))
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_until_ended, name="log-lines", daemon=True)
            self._thread.start()
        self._some.set()

    def _write_until_ended(self) -> None:
        while not self._ended.is_set():
            if not self._some.wait(IDLE_SECONDS):
                close_quietly()
                self._some.wait()
            self._ended.wait(GATHER_SECONDS)
            self._some.clear()
            self._write()
        self._write()
        close_quietly()

    def _write(self) -> None:
        while self._lines:
            lines = [self._lines.popleft() for _ in range(min(len(self._lines), MOST_AT_ONCE))]
            try:
                with talking():
                    keep(lines, self.most)
            except DatabaseError as error:
                # They stand in the worker's own log as well.
                _logger.warning("%s log lines of jobs are not kept: %s", len(lines), str(error).strip())
                connection.close()
                return


def attempt_of(record: logging.LogRecord) -> tuple[str, int] | None:
    """Say of which job and attempt a line is; None if of none."""
    if record.name == _SAID_ELSEWHERE:
        return None
    fields: dict[str, Any] = record.__dict__
    job_id, attempt = fields.get("job"), fields.get("attempt")
    if isinstance(job_id, str) and isinstance(attempt, int) and record.name.startswith("jobs.") and _is_id(job_id):
        return job_id, attempt
    running = current.attempt.get()
    return (running.id, running.number) if running else None


def said(record: logging.LogRecord) -> Said:
    """Give the words of a line as they are kept: scrubbed, cut, and with the end of its stack."""
    try:
        words = record.getMessage()
    except Exception as error:  # noqa: BLE001 - a line with wrong arguments is still a line
        words = f"{record.msg!r} with {record.args!r}: {error}"
    words = scrub_head(storable(words), MESSAGE_MAX_CHARACTERS)
    if record.exc_info and record.exc_info[0] is not None:
        stack = logging.Formatter().formatException(record.exc_info)
        words = f"{words}\n{scrub_tail(storable(stack), MESSAGE_MAX_CHARACTERS)}"
    return record.created, record.levelname, storable(record.name), words


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
