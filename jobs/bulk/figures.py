"""How far an operation is, and how long it will take."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils import timezone

from jobs.models import BulkOperation
from jobs.statuses import BULK_ENDED, BulkState

#: Before that the speed so far says nothing of the speed to come.
_SOON: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Figures:
    #: None where it is not known how many there are.
    percent: float | None
    #: None where it does not get on, or nobody can know.
    eta_seconds: float | None
    #: Rows a second so far, None before it has begun.
    speed: float | None


def figures_of(operation: BulkOperation) -> Figures:
    """Work out figures from what the operation's own row says; asks no database."""
    total = _total(operation)
    speed = _speed(operation)
    if operation.state in BULK_ENDED:
        whole = operation.state == BulkState.COMPLETED
        return Figures(100.0 if whole else _percent(operation, total), None, speed)
    left = max(0, total - operation.tried) if total is not None else None
    pace = min(speed, operation.rate_per_second) if speed and operation.rate_per_second else speed
    eta = left / pace if left is not None and pace and operation.state == BulkState.RUNNING else None
    return Figures(_percent(operation, total), eta, speed)


def _total(operation: BulkOperation) -> int | None:
    if operation.max_items is not None and operation.matched >= operation.max_items:
        return operation.max_items
    return None if operation.matched_capped else operation.matched


def _percent(operation: BulkOperation, total: int | None) -> float | None:
    return min(100.0, 100.0 * operation.tried / total) if total else None


def _speed(operation: BulkOperation) -> float | None:
    if operation.started_at is None:
        return None
    lasted = (operation.ended_at or timezone.now()) - operation.started_at
    return operation.tried / lasted.total_seconds() if lasted > _SOON else None
