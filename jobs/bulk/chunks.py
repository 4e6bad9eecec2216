"""One chunk of an operation: the acts on some rows, and the place behind them, in one fenced transaction.

Killed before the commit it has done nothing, killed behind it all of that is written down: no row is skipped and none
has its turn twice.
"""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, OperationalError, transaction

from accounts.roles import Role
from jobs.bulk.acts import ACTS
from jobs.bulk.by import By
from jobs.bulk.canaries import is_canary, watch, whole_canary
from jobs.bulk.ending import end
from jobs.bulk.report import Report
from jobs.bulk.selecting import FIRST, LAST, Selection
from jobs.bulk.single import act_on_one
from jobs.bulk.writing_down import write_down
from jobs.crash_points import commit_points, crash_point
from jobs.models import BulkOperation
from jobs.models.columns import ClockTimestamp
from jobs.search.language.errors import QueryError
from jobs.statuses import BULK_ENDED, BulkState

#: Rows of a chunk at most. Others wait for its locks no longer than TARGET_SECONDS or so: slow chunks become smaller.
LARGEST: Final = 500
SMALLEST: Final = 10
TARGET_SECONDS: Final = 0.15
#: At a rate of few rows a second, a chunk is what may go in this time.
PACE_SECONDS: Final = 0.5
#: Who may act on many rows; asked at every chunk, because the right may end while it runs.
OPERATORS: Final = frozenset({Role.ADMIN, Role.OPERATOR})
#: So many rows are put off before they have their turns.
MOST_PUT_OFF: Final = 1_000


@dataclass(frozen=True, slots=True)
class Step:
    """Whether there is more to do, and not before so many seconds."""

    goes_on: bool
    wait: float = 0.0
    percent: float = 0.0


STOP: Final = Step(False)


@dataclass(slots=True)
class Chunks:
    """Works off an operation for the job that has it, chunk by chunk."""

    operation_id: UUID
    job_id: UUID
    #: Rows that the next chunk may have.
    size: int = 100

    def next(self, fence: AbstractContextManager[None]) -> Step:
        """Do one chunk inside the fence's transaction; raises LockLost when the job is another worker's."""
        with fence, commit_points("bulk"):
            operation = self._locked()
            if operation is None or operation.job != self.job_id or operation.state in BULK_ENDED:
                return STOP
            if operation.state == BulkState.PAUSED:
                wait = watch(operation)
                return STOP if wait is None else Step(True, wait)
            if lost := _lost_right(operation):
                end(operation, BulkState.FAILED, lost)
                return STOP
            wait = (operation.next_at - operation.now).total_seconds() if operation.next_at else 0.0
            return Step(True, wait) if wait > 0 else self._work(operation)

    def _locked(self) -> Any:
        rows = BulkOperation.objects.filter(pk=self.operation_id).select_for_update(of=("self",))
        return rows.select_related("user").annotate(now=ClockTimestamp()).first()

    def _work(self, operation: Any) -> Step:
        room = _room(operation)
        if room <= 0:
            end(operation, BulkState.COMPLETED, f"It was to stop after {operation.max_items:,}.")
            return STOP
        if operation.put_off and (operation.position == LAST or len(operation.put_off) >= MOST_PUT_OFF):
            write_down(operation, self._one_alone(operation))
        elif operation.position == LAST:
            end(operation, BulkState.COMPLETED)
            return STOP
        else:
            try:
                self._many(operation, min(room, self._paced(operation)))
            except QueryError as error:
                end(operation, BulkState.FAILED, str(error))
                return STOP
        crash_point("mid_bulk_chunk")
        if whole_canary(operation):
            return Step(True)
        if operation.position == LAST and not operation.put_off:
            end(operation, BulkState.COMPLETED)
            return STOP
        return Step(True, percent=100 * operation.tried / operation.matched if operation.matched else 0)

    def _one_alone(self, operation: Any) -> Report:
        row_id, *operation.put_off = operation.put_off
        return act_on_one(ACTS[operation.target, operation.action], row_id, operation)

    def _many(self, operation: Any, size: int) -> None:
        began = time.monotonic()
        window = Selection.of(operation).window(operation.position or FIRST, size)
        report = _act(operation, window.ids)
        operation.position = LAST if window.reached is None else window.reached
        operation.put_off += report.later
        write_down(operation, report)
        if len(window.ids) >= self.size:
            took = time.monotonic() - began
            # Twice as many at most, so that one chunk that was quick by chance makes no long one.
            wanted = int(self.size * min(2.0, TARGET_SECONDS / max(took, 0.001)))
            self.size = max(SMALLEST, min(LARGEST, wanted))

    def _paced(self, operation: Any) -> int:
        if operation.rate_per_second is None:
            return self.size
        return max(1, min(self.size, int(operation.rate_per_second * PACE_SECONDS)))


def _act(operation: Any, ids: list[UUID]) -> Report:
    act = ACTS[operation.target, operation.action]
    if not ids:
        return Report()
    by = By(operation.user, operation.actor_name, operation.reason, operation.pk)
    try:
        with transaction.atomic():
            return act.many(ids, by, operation.arguments)
    except OperationalError:
        raise
    except DatabaseError:
        # One of them cannot be written, whatever it has: each by itself, so that it holds up no other.
        return Report(later=ids)


def _room(operation: Any) -> int:
    room = 10**12 if operation.max_items is None else operation.max_items - operation.tried
    return min(room, operation.canary - operation.done) if is_canary(operation) and room > 0 else room


def _lost_right(operation: Any) -> str:
    """Say why whoever began it may not act any more, or nothing."""
    user = operation.user
    if user is None:
        return "" if operation.actor_name == "system" else "Whoever began it is not there any more."
    if not user.is_active or user.role not in OPERATORS:
        return f"{user} may not act on jobs any more."
    return ""
