"""Bulk operations that nobody works on, or that wait for a word."""

from collections.abc import Iterator
from typing import Any, Final

from jobs.bulk.working import QUEUE, is_at_work
from jobs.doctor.findings import Finding, lasting, ok, warn
from jobs.models import BulkOperation
from jobs.models.columns import ClockTimestamp
from jobs.statuses import BulkState

#: Seconds. Between two chunks lies a second at most, or what the rate asks for.
STUCK: Final = 900.0
FORGOTTEN: Final = 86_400.0
MOST: Final = 20


def look() -> Iterator[Finding]:
    under_way: list[Any] = list(BulkOperation.objects.live().annotate(now=ClockTimestamp()).order_by("id")[:MOST])
    found = [finding for operation in under_way if (finding := _look_at(operation))]
    yield from found or [ok(f"{len(under_way)} bulk operations are under way, and get on.")]


def _look_at(operation: Any) -> Finding | None:
    since = (operation.now - (operation.worked_at or operation.created_at)).total_seconds()
    page = f"POST /api/v1/bulk-operations/{operation.pk}/proceed, or Proceed in the admin"
    if operation.state == BulkState.PAUSED:
        if since < FORGOTTEN:
            return None
        return warn(f"The bulk operation {operation} has been paused for {lasting(since)}.", f"{page}, or cancel it")
    if not is_at_work(operation):
        return warn(f"Nobody works on the bulk operation {operation}: its job has ended.", page)
    if since < STUCK or (operation.next_at and operation.next_at > operation.now):
        return None
    what = f"The bulk operation {operation} has not got on for {lasting(since)}."
    return warn(what, f"See that a worker listens to the queue {QUEUE}")
