"""What came of a chunk, written down with the acts themselves."""

from datetime import timedelta
from typing import Any, Final

from jobs.bulk.canaries import is_canary
from jobs.bulk.report import FAILED, Report
from jobs.models import BulkChunk, BulkItem
from jobs.statuses import BulkState

#: Refused rows that are kept with their reasons; the others are only counted.
MOST_KEPT: Final = 100_000
REASON_MAX_LENGTH: Final = 1_000
#: What was not used of the pace is made up for within this time and no longer.
CATCH_UP: Final = timedelta(seconds=1)


def write_down(operation: Any, report: Report) -> None:
    """Write counters, place and pace of an operation that the caller has locked, and the rows that were refused."""
    kept = operation.skipped + operation.failed
    failed = sum(outcome == FAILED for outcome, _ in report.refused.values())
    operation.done += report.done
    operation.failed += failed
    operation.skipped += len(report.refused) - failed
    if kept < MOST_KEPT and report.refused:
        BulkItem.objects.bulk_create(
            [
                BulkItem(operation=operation, target_id=row_id, outcome=outcome, reason=reason[:REASON_MAX_LENGTH])
                for row_id, (outcome, reason) in list(report.refused.items())[: MOST_KEPT - kept]
            ],
            ignore_conflicts=True,
        )
    if report.jobs:
        BulkChunk.objects.create(operation=operation, jobs=report.jobs, is_canary=is_canary(operation))
    tried = report.done + len(report.refused)
    if operation.rate_per_second and tried:
        begin = max(operation.next_at or operation.now, operation.now - CATCH_UP)
        operation.next_at = begin + timedelta(seconds=tried / operation.rate_per_second)
    operation.state, operation.state_reason = BulkState.RUNNING, ""
    operation.worked_at = operation.now
    operation.started_at = operation.started_at or operation.now
    operation.save(update_fields=_WRITTEN)


_WRITTEN: Final = (
    *("done", "skipped", "failed", "position", "put_off", "next_at", "state", "state_reason"),
    *("worked_at", "started_at"),
)
