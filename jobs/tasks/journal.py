"""The rows of one job's tasks: read once, written under the job's lock."""

import logging
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.db.models import TextField
from django.db.models.functions import Cast

from jobs.crash_points import commit_points
from jobs.exceptions import LockLost, TasksNotAllowed
from jobs.models import Task
from jobs.models.task import PLACES_PER_POSITION
from jobs.outcomes import Attempt
from jobs.registry import registry

T = TypeVar("T")

_logger = logging.getLogger(__name__)

#: What a task has done must not be done again because the database was away for a moment: so often it is written anew.
MOST_TRIES: Final = 8

_RECORD: Final = (
    "SELECT record_tasks(%s, %s, %s, %s::integer[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::jsonb[],"
    " %s::bigint[], %s::integer[], %s::jsonb[], %s::text[], %s::text[], %s::float8[], %s::float8[])"
)
_LOOK: Final = (
    "SELECT status, result, seconds_left"
    " FROM look_at_wait(%s, %s, %s, %s, %s, %s::jsonb, %s::float8, %s::timestamptz, %s)"
)
# Unfinished rows of other code, whose place is wanted now.
_FORGET: Final = """
DELETE FROM job_tasks t WHERE t.job_id = %s AND t.place BETWEEN %s AND %s AND EXISTS (
    SELECT FROM job_processing_locks l WHERE l.job_id = t.job_id AND l.lock_token = %s FOR SHARE
)
"""


class Remembered(NamedTuple):
    """A task as earlier attempts left it; `result` is JSON text."""

    position: int
    item: int
    kind: str
    name: str
    status: str
    attempt: int
    fingerprint: int | None
    error_class: str | None
    error_message: str | None
    result: str | None


class Memory:
    """All tasks that a job remembers. The rows stay plain tuples until they are come by: there may be 10,000."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._places = [row[0] * PLACES_PER_POSITION + row[1] for row in rows]
        #: The furthest position that any attempt has come to.
        self.last: int = rows[-1][0] if rows else 0

    def at(self, position: int) -> dict[int, Remembered]:
        """Give the rows of a position, by item."""
        first = self._first(position)
        rows = self._rows[first : self._first(position + 1)]
        return {row[1]: Remembered._make(row) for row in rows}

    def behind(self, position: int) -> Iterator[Remembered]:
        """Give the rows of all positions behind one."""
        return map(Remembered._make, self._rows[self._first(position + 1) :])

    def _first(self, position: int) -> int:
        # The row of a map as a whole stands in front of those of its items.
        return bisect_left(self._places, position * PLACES_PER_POSITION - 1)


@dataclass(frozen=True, slots=True)
class Written:
    """A task as it is to be remembered; times are monotonic seconds."""

    position: int
    item: int
    kind: str
    name: str
    status: str
    payload: str
    fingerprint: int | None
    attempt: int
    result: str | None
    error_class: str | None
    error_message: str | None
    begun_at: float
    ended_at: float | None


class Journal:
    """What one attempt reads and writes. A write whose lock is lost changes nothing and raises LockLost."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt

    def load(self) -> Memory:
        """Read all tasks of the job with one query; refuses jobs that cannot have any."""
        if self.attempt.job_type in registry and registry.get(self.attempt.job_type).atomic:
            raise TasksNotAllowed(
                "A job with atomic=True commits everything at its end, so there is nothing that it could resume behind,"
                " and sleeping would commit a half of it. Use tasks in a job that is not atomic."
            )
        refuse_transaction()
        names = [name for name in Remembered._fields if name != "result"]
        rows = Task.objects.filter(job_id=self.attempt.id, is_deleted=False).order_by("place")
        # As text: what is not asked for again need not be parsed.
        return Memory(list(rows.values_list(*names, Cast("result", TextField()))))

    def write(self, tasks: Sequence[Written], durable: bool) -> None:
        """Write tasks in one statement; `durable` has it on disk before this returns."""
        self._persistently(lambda: self._write(tasks, durable))

    def look(
        self,
        position: int,
        kind: str,
        name: str,
        payload: str,
        seconds: float | None,
        until: datetime | None,
        timed_out: str,
    ) -> tuple[str, str | None, float | None]:
        """Begin a wait or look how it stands: its status, the event's payload, and the seconds that are left."""
        attempt = self.attempt
        arguments: list[Any] = [attempt.id, attempt.lock_token, position, kind, name, payload]
        arguments += [seconds, until, timed_out]

        def look() -> tuple[str, str | None, float | None]:
            with connection.cursor() as cursor:
                cursor.execute(_LOOK, arguments)
                row: tuple[str, str | None, float | None] | None = cursor.fetchone()
            return row or self._lost()

        return self._persistently(look)

    def forget(self, position: int) -> None:
        """Delete what is remembered at a position."""
        first = position * PLACES_PER_POSITION - 1
        arguments: list[Any] = [self.attempt.id, first, first + PLACES_PER_POSITION - 1, self.attempt.lock_token]

        def forget() -> None:
            with connection.cursor() as cursor:
                cursor.execute(_FORGET, arguments)

        self._persistently(forget)

    def _write(self, tasks: Sequence[Written], durable: bool) -> None:
        now = time.monotonic()
        columns: list[list[Any]] = [list(column) for column in zip(*map(astuple, tasks), strict=True)]
        columns[-2:] = [[None if moment is None else now - moment for moment in column] for column in columns[-2:]]
        # A task that merely begins is not what the promise is about.
        moves = ["task"] if any(task.ended_at is not None for task in tasks) else []
        with commit_points(*moves), connection.cursor() as cursor:
            cursor.execute(_RECORD, [self.attempt.id, self.attempt.lock_token, durable, *columns])
            (held,) = cursor.fetchone()
        if not held:
            self._lost()

    def _lost(self) -> NoReturn:
        self.attempt.fenced = True
        raise LockLost

    def _persistently(self, act: Callable[[], T]) -> T:
        """Do it until the database lets it happen; each act may be done twice, and ends when the lock is lost."""
        refuse_transaction()
        for tried in range(1, MOST_TRIES + 1):
            try:
                return act()
            except (OperationalError, InterfaceError) as error:
                if tried == MOST_TRIES or self.attempt.fenced or connection.in_atomic_block:
                    raise
                _logger.warning("job %s: its tasks could not be written, again soon: %s", self.attempt.id, error)
                connection.close()
                threading.Event().wait(0.05 * 2**tried)
        raise AssertionError("unreachable")


def refuse_transaction() -> None:
    """Raise TasksNotAllowed inside a transaction of the handler's: what a task did would not be kept with its end."""
    blocks = connection.atomic_blocks
    # That of a test case is around everything.
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        raise TasksNotAllowed(
            "A task inside transaction.atomic() would be remembered only when that commits. Open the transaction"
            " within the task instead."
        )
