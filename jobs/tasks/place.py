"""A place in the handler's code, and what the job remembers of it."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from jobs.exceptions import EventTimeout, TaskMismatch
from jobs.models import Task
from jobs.tasks.failures import class_of, message_of, remade
from jobs.tasks.journal import Remembered, Written

Kind = Task.Kind

_read: Final = json.JSONDecoder().raw_decode

#: The row of a map as a whole.
WHOLE: Final = -1

NAME_MAX_LENGTH: Final = 200

_WORDS: Final = {Kind.CALL: "the task", Kind.MAP: "the map", Kind.SLEEP: "the", Kind.EVENT: "the wait for the event"}


def words(kind: str, name: str) -> str:
    """Say what a task is, for a message."""
    return f"{_WORDS[Kind(kind)]} {name if kind == Kind.SLEEP else repr(name)}"


@dataclass(slots=True)
class Place:
    """Where the handler is: the how many'th task, its kind and name, and the rows that were found there."""

    position: int
    kind: str
    name: str
    rows: dict[int, Remembered]
    #: Whether the handler has been further than this: then it went on from what happened here, an error too.
    followed: bool
    #: Nothing that is remembered here binds, and it is of other code.
    stale: bool = field(init=False)

    def __post_init__(self) -> None:
        self.stale = False
        for row in self.rows.values():
            if row.kind == self.kind and row.name == self.name:
                continue
            if binds(row, self.followed):
                raise self.mismatch(f"the job remembers {words(row.kind, row.name)}")
            self.stale = True
        if self.stale:
            self.rows = {}

    def mismatch(self, remembered: str) -> TaskMismatch:
        """Give the error of a handler that is not the one whose tasks are remembered."""
        return TaskMismatch(
            f"At position {self.position} {remembered}, and the handler comes to {words(self.kind, self.name)}."
            " Its code or what it depends on has changed since: nothing was run."
        )

    def finished(self, item: int = 0) -> Remembered | None:
        """Give the row of an item that is not to be run again."""
        row = self.rows.get(item)
        return row if row is not None and binds(row, self.followed) else None

    def row(
        self,
        status: str,
        *,
        item: int = 0,
        payload: str,
        fingerprint: int | None,
        result: str | None = None,
        error: BaseException | None = None,
        begun_at: float,
        ended_at: float | None,
    ) -> Written:
        """Make what is to be remembered of a task or an item here."""
        return Written(
            position=self.position,
            item=item,
            kind=self.kind,
            name=self.name,
            status=status,
            payload=payload,
            fingerprint=fingerprint,
            attempt=self._next_attempt(item),
            result=result,
            error_class=class_of(error) if error else None,
            error_message=message_of(error) if error else None,
            begun_at=begun_at,
            ended_at=ended_at,
        )

    def check_fingerprint(self, row: Remembered, now: int | None) -> None:
        """Raise TaskMismatch when a finished task is given something else now, as far as that can be told."""
        if row.fingerprint is not None and now is not None and row.fingerprint != now:
            which = f"{words(row.kind, row.name)}" + (f", item {row.item}," if row.kind == Kind.MAP else "")
            raise self.mismatch(f"the job remembers {which} with other arguments")

    def _next_attempt(self, item: int = 0) -> int:
        row = self.rows.get(item)
        return row.attempt + 1 if row else 1


def binds(row: Remembered, followed: bool) -> bool:
    """Tell whether a row is what happened for good: a result, a time-out, an error that the handler went on from."""
    if row.status == Task.Status.FAILED:
        return row.kind == Kind.EVENT or followed
    return row.status == Task.Status.COMPLETED


def value_of(text: str | None) -> Any:
    """Read a result as the database gives it: one JSON value and nothing around it."""
    return None if text is None else _read(text)[0]


def recalled(row: Remembered) -> Any:
    """Give the remembered result, or raise the remembered error."""
    if row.status == Task.Status.COMPLETED:
        return value_of(row.result)
    if row.kind == Kind.EVENT:
        raise EventTimeout(row.error_message)
    raise remade(row.error_class, row.error_message)
