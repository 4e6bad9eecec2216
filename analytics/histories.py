"""Errors that no worker reported: a lost worker says nothing, but the rescue writes the job's history."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from accounts.row_security import acting_as_system
from analytics.rows import ErrorRow, OutcomeRow, error_id, json_text, time_of
from jobs.models import Job
from jobs.payloads import storable
from jobs.scrubbing import scrub, scrub_head, scrub_tail

MESSAGE_MOST: Final = 2_000
TRACE_MOST: Final = 8_000
CONTEXT_MOST: Final = 2_000


def missed_errors(outcomes: Sequence[OutcomeRow]) -> list[ErrorRow]:
    """Give the errors in the histories of jobs that took more than one attempt."""
    retried = [row.id for row in outcomes if row.attempts > 1]
    if not retried:
        return []
    with acting_as_system():
        found = list(Job.objects.filter(pk__in=retried).values_list("pk", "user_id", "queue", "error_history"))
    return [error for pk, user_pk, queue, history in found for error in errors_of(pk, user_pk, queue, history)]


def errors_of(job_id: UUID, user_pk: UUID | None, queue: str, history: Iterable[Any]) -> list[ErrorRow]:
    return [
        error_row(job_id, str(user_pk) if user_pk else None, queue, entry)
        for entry in history
        if isinstance(entry, dict)
    ]


def error_row(job_id: UUID, user_pk: str | None, queue: str, entry: dict[str, Any]) -> ErrorRow:
    """Make the row of one entry of a job's error history, which workers in any language may have worded."""
    at = _moment(entry.get("at")) or time_of(job_id)
    attempt = entry.get("attempt")
    number = attempt if isinstance(attempt, int) else 0
    told = {"attempt": number, "kind": entry.get("kind"), "queue": queue, "worker": entry.get("worker")}
    told |= {"frame": entry.get("frame")} if entry.get("frame") else {}
    return ErrorRow(
        id=error_id(job_id, number, at),
        request_log_id=job_id,
        timestamp=at,
        user_pk=user_pk,
        error_code=storable(str(entry.get("error_class") or "Error"))[:64],
        error_message=scrub_head(storable(str(entry.get("message") or "")), MESSAGE_MOST),
        stack_trace=scrub_tail(storable(str(entry.get("traceback") or "")), TRACE_MOST),
        context=json_text(scrub({name: said for name, said in told.items() if said is not None}, CONTEXT_MOST)),
    )


def _moment(said: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
