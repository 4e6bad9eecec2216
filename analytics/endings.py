"""How an attempt ended, as its worker tells it; made into rows of the log only when they are written."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from analytics.histories import error_row
from analytics.rows import ErrorRow, OutcomeRow, json_text, milliseconds_since
from jobs.languages import PYTHON, is_foreign, language_title
from jobs.observers import Ended
from jobs.outcomes import Attempt, Cancelled, Completed, DeadLettered
from jobs.scrubbing import TRUNCATED, scrub

OK: Final = 200
#: As web servers log a client that has gone.
CANCELLED: Final = 499
FAILED: Final = 500
TIMED_OUT: Final = 504
#: A longer result is not even read for the log.
MOST_RESULT_CHARACTERS: Final = 65_536
MOST_DETAILS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Ending:
    """What an attempt has to say to the log."""

    ended: Ended
    at: datetime

    @property
    def id(self) -> UUID:
        return UUID(self.ended.attempt.id)

    @property
    def size(self) -> int:
        outcome = self.ended.outcome
        return 400 + len(getattr(outcome, "result", None) or "") + (10_000 if getattr(outcome, "error", None) else 0)

    def rows(self) -> list[OutcomeRow | ErrorRow]:
        """Give the request's outcome, if this was the last attempt, and the error, if it failed."""
        attempt, outcome = self.ended.attempt, self.ended.outcome
        error: dict[str, Any] | None = getattr(outcome, "error", None)
        rows: list[OutcomeRow | ErrorRow] = []
        if isinstance(outcome, Completed):
            rows.append(self._outcome(OK, response_of(outcome.result), None))
        elif isinstance(outcome, Cancelled):
            rows.append(self._outcome(CANCELLED, None, None))
        elif isinstance(outcome, DeadLettered):
            rows.append(self._outcome(failure_status(error), None, error))
        if error:
            told = {"worker": f"{socket.gethostname()}:{os.getpid()}", **error}
            rows.append(error_row(self.id, attempt.user_id, attempt.queue, told))
        return rows

    def _outcome(self, status: int, response: str | None, error: dict[str, Any] | None) -> OutcomeRow:
        attempt = self.ended.attempt
        return OutcomeRow(
            id=self.id,
            request_id=attempt.request_id or "",
            language_title=title_of(attempt.job_type, attempt.queue),
            user_pk=attempt.user_id,
            response_payload=response,
            status_code=status,
            duration_ms=milliseconds_since(self.id, self.at),
            error_details=details_of(error),
            runtime_metrics=json_text(_metrics(attempt)),
            attempts=attempt.number,
        )


def title_of(job_type: str, queue: str) -> str:
    """Give the function's name: other languages' job types are that already."""
    return job_type if is_foreign(queue) else language_title(PYTHON, job_type)


def failure_status(error: dict[str, Any] | None) -> int:
    """Give what a caller who waited would have got."""
    return TIMED_OUT if error and error.get("kind") == "timeout" else FAILED


def details_of(error: dict[str, Any] | None) -> str | None:
    if not error:
        return None
    told = {name: error.get(name) for name in ("error_class", "message", "kind", "attempt") if error.get(name)}
    return json_text(scrub(told, MOST_DETAILS))


def response_of(result: str | None) -> str | None:
    """Give the part of a result that is logged."""
    most: int = settings.LOG_PAYLOAD_MAX_BYTES
    if result is None or not most:
        return None
    if len(result) > MOST_RESULT_CHARACTERS:
        return json_text({TRUNCATED: True, "characters": len(result)})
    return json_text(scrub(json.loads(result), most))


def _metrics(attempt: Attempt) -> dict[str, Any]:
    metrics: dict[str, Any] = {"attempts": attempt.number, "queue_wait_ms": round(attempt.waited * 1000, 3)}
    if usage := attempt.usage:
        metrics["run_ms"] = round(usage.run_seconds * 1000, 3)
        if usage.cpu_seconds is not None:
            metrics["cpu_ms"] = round(usage.cpu_seconds * 1000, 3)
            if usage.run_seconds > 0:
                metrics["cpu_usage_percent"] = round(100 * usage.cpu_seconds / usage.run_seconds, 2)
        if usage.peak_memory_mb is not None:
            metrics["memory_usage_mb"] = round(usage.peak_memory_mb, 2)
    return metrics
