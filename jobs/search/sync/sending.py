"""Sends documents and deletions to the search engine, and tells of each job what became of it.

All that is sent is whole and has a version, so that whatever nobody knows the end of may be sent again.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

from jobs.search import counts
from jobs.search.engine.failures import EngineAway, EngineError, NotFound, Refused, TooLarge
from jobs.search.engine.operations import ItemResult, Operation

if TYPE_CHECKING:
    from jobs.search.engine.client import Engine

MOST_OPERATIONS: Final = 500
MOST_BYTES: Final = 5_000_000
#: How often a request, or what is left of it, is sent again here; then it is for the next round.
MOST_TRIES: Final = 5
#: Between two tries at most so long, and so long in all.
LONGEST_PAUSE: Final = 5.0
MOST_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Change:
    """What the engine is to hold of a job: this document in this version, or none."""

    id: UUID
    version: int
    #: None deletes.
    document: dict[str, Any] | None
    #: Why no document could be made of the job: it counts as refused, and is not sent.
    unfit: str = ""


@dataclass(slots=True)
class Outcomes:
    """What became of changes; of those that are named nowhere nothing is known, and they go again."""

    #: Every index holds this version of the job, or a later one.
    sent: dict[UUID, int] = field(default_factory=dict)
    #: The version that some index will not take, and its words.
    rejected: dict[UUID, tuple[int, str]] = field(default_factory=dict)
    #: Why something is left: the engine is away, or lacks the index, or does not let us in.
    error: EngineError | None = None
    #: It was ended, or `keep` said that it is not ours any more.
    stopped: bool = False

    @property
    def complete(self) -> bool:
        """Of every change something is known."""
        return self.error is None and not self.stopped


def send(
    engine: Engine,
    targets: Sequence[str],
    changes: Iterable[Change],
    keep: Callable[[], bool] = lambda: True,
    ended: threading.Event | None = None,
) -> Outcomes:
    """Send changes to every one of these indexes, some hundred in a request.

    `changes` are taken as requests are filled, so that not all documents are in memory. Before every request `keep` is
    asked whether to go on; `ended` cuts pauses short. What is wrong with the engine ends it and is told in the answer.
    """
    delivery = _Delivery(engine, keep, ended or threading.Event())
    for group in _requests(targets, changes):
        delivery.deliver([operation for _, operations in group for operation in operations])
        delivery.settle(group)
        if not delivery.outcomes.complete:
            break
    return delivery.outcomes


@dataclass(frozen=True, slots=True)
class _Written(Operation):
    """An operation that has been written down already, for its size."""

    text: bytes = b""

    def lines(self) -> bytes:
        return self.text


_Group: TypeAlias = "list[tuple[Change, list[_Written]]]"


def _requests(targets: Sequence[str], changes: Iterable[Change]) -> Iterator[_Group]:
    group: _Group = []
    count = size = 0
    for change in changes:
        operations = [] if change.unfit else [_written(target, change) for target in targets]
        length = sum(len(operation.text) for operation in operations)
        if group and (count + len(operations) > MOST_OPERATIONS or size + length > MOST_BYTES):
            yield group
            group, count, size = [], 0, 0
        group.append((change, operations))
        count, size = count + len(operations), size + length
    if group:
        yield group


def _written(target: str, change: Change) -> _Written:
    plain = Operation(target, str(change.id), change.version, change.document)
    return _Written(plain.index, plain.id, plain.version, plain.document, plain.lines())


class _Delivery:
    """One call of `send`: its tries, its time, and what it knows."""

    def __init__(self, engine: Engine, keep: Callable[[], bool], ended: threading.Event) -> None:
        self.engine = engine
        self.keep = keep
        self.ended = ended
        self.outcomes = Outcomes()
        self._until = time.monotonic() + MOST_SECONDS
        #: By index and id, of the request that is under way.
        self._taken: set[tuple[str, str]] = set()
        self._refused: dict[tuple[str, str], str] = {}

    def settle(self, group: _Group) -> None:
        """Say of each change what all the indexes together have made of it."""
        for change, operations in group:
            places = [(operation.index, operation.id) for operation in operations]
            words = [self._refused[place] for place in places if place in self._refused]
            if change.unfit:
                words = [change.unfit]
            if any(place not in self._taken and place not in self._refused for place in places):
                continue
            if words:
                self.outcomes.rejected[change.id] = (change.version, words[0])
            else:
                self.outcomes.sent[change.id] = change.version
        self._taken.clear()
        self._refused.clear()

    def deliver(self, operations: list[Operation]) -> None:
        """Send until each operation is taken or refused, or there is a reason to stop."""
        for tries in range(MOST_TRIES if operations else 0):
            operations, asked = self._try(operations)
            if not operations or (self.outcomes.error is not None and not self._may_pass):
                return
            if self.outcomes.stopped or tries + 1 == MOST_TRIES or not self._pause(tries, asked):
                return
            self.outcomes.error = None

    @property
    def _may_pass(self) -> bool:
        # One that did not answer in time is still at it: the same once more would only make it slower.
        return isinstance(self.outcomes.error, EngineAway) and self.outcomes.error.kind != "timeout"

    def _try(self, operations: list[Operation]) -> tuple[list[Operation], float | None]:
        """Send once; give what has to go again, and the seconds that the engine asked for."""
        if self.ended.is_set() or not self.keep():
            self.outcomes.stopped = True
            return operations, None
        try:
            results = self.engine.bulk(operations)
        except TooLarge as error:
            return self._halves(operations, error)
        except EngineError as error:
            if isinstance(error, Refused) and error.status == 400:
                # Something in it: alone, it shows itself.
                return self._halves(operations, error)
            counts.count(counts.FAILED, error.kind)
            self.outcomes.error = error
            return operations, error.retry_after if isinstance(error, EngineAway) else None
        return self._sort(operations, results), None

    def _halves(self, operations: list[Operation], error: EngineError) -> tuple[list[Operation], float | None]:
        if len(operations) == 1:
            counts.count(counts.SENT, "rejected")
            self._refused[operations[0].index, operations[0].id] = str(error)
            return [], None
        left: list[Operation] = []
        longest: float | None = None
        middle = len(operations) // 2
        for half in (operations[:middle], operations[middle:]):
            if self.outcomes.error is not None:
                left += half
                continue
            again, asked = self._try(half)
            left += again
            longest = asked if longest is None else longest
        return left, longest

    def _sort(self, operations: list[Operation], results: list[ItemResult]) -> list[Operation]:
        again: list[Operation] = []
        for operation, result in zip(operations, results, strict=True):
            place = (operation.index, operation.id)
            if result.done:
                counts.count(counts.SENT, "newer" if result.status == 409 else "taken")
                self._taken.add(place)
            elif result.poisonous or self._alone_in_trouble(result, results):
                counts.count(counts.SENT, "rejected")
                self._refused[place] = f"{result.error_type}: {result.reason}"
            else:
                self.outcomes.error = self._trouble(operation, result)
                again.append(operation)
        return again

    @staticmethod
    def _trouble(operation: Operation, result: ItemResult) -> EngineError:
        if result.index_gone:
            return NotFound(result.status, result.error_type, f"{operation.index}: {result.reason}")
        return EngineAway(result.status, result.error_type, result.reason)

    @staticmethod
    def _alone_in_trouble(result: ItemResult, results: list[ItemResult]) -> bool:
        """The engine stumbles over this document while it takes others: 500 is no answer of one that is busy."""
        return result.status == 500 and any(other.done for other in results)

    def _pause(self, tries: int, asked: float | None) -> bool:
        """Wait before the next try, with full jitter; False when there is no time for it."""
        longest = min(LONGEST_PAUSE, 0.1 * 2**tries)
        pause = max(asked or 0.0, random.uniform(0, longest))  # noqa: S311 - jitter
        if pause > LONGEST_PAUSE or time.monotonic() + pause > self._until:
            return False
        return not self.ended.wait(pause)
