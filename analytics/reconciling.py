"""Completing rows whose work ended without a worker's word: cancelled while it waited, rescued, discarded, dropped."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import router

from accounts.row_security import acting_as_system
from accounts.uuid7 import first_uuid7
from analytics.endings import CANCELLED, OK, details_of, failure_status, response_of, title_of
from analytics.models import RequestLog
from analytics.models.request_log import ACCEPTED
from analytics.rows import OutcomeRow, json_text, milliseconds_since
from analytics.writing import write
from jobs.models import Job
from jobs.statuses import Status

_logger = logging.getLogger(__name__)

#: So long a worker's own word may take; it knows more.
PATIENCE: Final = timedelta(minutes=1)
AT_ONCE: Final = 1_000
MOST_BATCHES: Final = 10
#: The job is not there any more, and nobody knows how it ended.
GONE: Final = 410

_ENDS: Final = {
    Status.COMPLETED: OK,
    Status.CANCELLED: CANCELLED,
    Status.DEAD_LETTER: None,
    Status.FAILED: None,
}


class _Walk:
    """Where the last round stopped: work that is due next month stays open and must not be all that is looked at."""

    after = UUID(int=0)


_walk: Final = _Walk()


def complete_open_rows(now: datetime | None = None) -> int:
    """Complete open rows whose jobs ended a minute ago; gives how many. One round of a walk through all of them."""
    completed = 0
    latest = (now or datetime.now(UTC)) - PATIENCE
    for _ in range(MOST_BATCHES):
        rows = _open_rows(_walk.after, first_uuid7(latest))
        endings = _endings(rows, latest)
        if endings:
            write(endings)
            completed += len(endings)
        if len(rows) < AT_ONCE:
            _walk.after = UUID(int=0)
            break
        _walk.after = rows[-1].id
    if completed:
        _logger.info("completed %s rows of the request log that no worker reported", completed)
    return completed


def _open_rows(after: UUID, before: UUID) -> list[RequestLog]:
    alias = router.db_for_write(RequestLog)
    found = RequestLog.objects.using(alias).filter(status_code__in=ACCEPTED, id__gt=after, id__lt=before).order_by("id")
    with acting_as_system(using=alias):
        return list(found.only("id", "request_id", "language_title", "runtime_metrics")[:AT_ONCE])


def _endings(rows: Sequence[RequestLog], latest: datetime) -> list[OutcomeRow]:
    wanted = {row.id: _job_of(row) for row in rows}
    with acting_as_system():
        jobs = Job.objects.in_bulk(list(set(wanted.values()))) if wanted else {}
    return [ending for row in rows if (ending := _ending(row, jobs.get(wanted[row.id]), latest)) is not None]


def _job_of(row: RequestLog) -> UUID:
    shared = (row.runtime_metrics or {}).get("shared_job")
    return UUID(shared) if shared else row.id


def _ending(row: RequestLog, job: Job | None, latest: datetime) -> OutcomeRow | None:
    if job is None:
        return _row(row, None, GONE, latest, {"error_class": "JobGone", "message": "The job was deleted."})
    status = Status.CANCELLED if job.is_deleted and job.status == Status.PENDING else Status(job.status)
    if status not in _ENDS or job.updated_at > latest:
        return None
    error: dict[str, Any] | None = None
    code = _ENDS[status]
    if code is None:
        error = {"message": job.error_message, **(job.error_details or {})}
        code = failure_status(error)
    return _row(row, job, code, job.completed_at or job.failed_at or job.updated_at, error)


def _row(row: RequestLog, job: Job | None, code: int, at: datetime, error: dict[str, Any] | None) -> OutcomeRow:
    own = job is not None and job.pk == row.id
    metrics = {**(row.runtime_metrics or {}), **({"attempts": job.attempt} if job else {})}
    result = json.dumps(job.result) if job is not None and code == OK and job.result is not None else None
    return OutcomeRow(
        id=row.id,
        request_id=row.request_id,
        language_title=title_of(job.job_type, job.queue) if job else row.language_title,
        user_pk=str(job.user_id) if job and job.user_id else None,
        response_payload=response_of(result),
        status_code=code,
        duration_ms=milliseconds_since(row.id, at),
        error_details=details_of(error),
        runtime_metrics=json_text(metrics) if metrics else None,
        # Also after a single attempt: the rescue of a lost worker is told by the history alone.
        attempts=max(2, job.attempt) if own and job and code != OK else (job.attempt if own and job else 1),
    )
