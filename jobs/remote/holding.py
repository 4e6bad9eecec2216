"""What a worker holds: the fence that every later word of it has to pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast

from jobs.exceptions import LockLost
from jobs.languages import QUEUE_PREFIX
from jobs.models import ProcessingLock
from jobs.models.columns import ClockTimestamp
from jobs.models.lock import ProcessingLockQuerySet
from jobs.outcomes import Attempt
from jobs.payloads import storable
from jobs.recording import record_progress
from jobs.statuses import Status

PROGRESS_MAX_CHARACTERS: Final = 500

_RENEW: Final = "SELECT renew_job_locks(%s::uuid[], %s::bigint[], make_interval(secs => %s))"

#: What makes an Attempt, and the column that it comes from.
_ATTEMPT: Final = {
    "id": "id_text",
    "lock_token": "lock_token",
    "job_type": "job__job_type",
    "queue": "job__queue",
    "priority": "job__priority",
    "payload": "payload_text",
    "number": "job__attempt",
    "retry_count": "job__retry_count",
    "max_retries": "job__max_retries",
    "timeout": "job__timeout",
    "user_id": "user_text",
    "request_id": "job__request_id",
    "concurrency_key": "concurrency_key",
}
_TIMES: Final = ("job__scheduled_at", "job__started_at", "now")


@dataclass(frozen=True, slots=True)
class Held:
    """An attempt whose lock was good a moment ago."""

    attempt: Attempt
    #: As the lock has it: the user's name, a slash, and the name that the worker gave itself.
    holder: str
    #: Seconds since the claim.
    age: float
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a worker learns of one job when it renews."""

    job_id: UUID
    held: bool
    cancel_requested: bool = False
    #: The attempt has had its time. It was not renewed, and is to end now.
    timed_out: bool = False


def holder(user_id: str, worker_id: str) -> str:
    """Name a worker in its locks. A user's name has no slash, so nobody can pass for a worker of somebody else."""
    return f"{user_id}/{worker_id}"


def held(user_id: str, job_id: UUID, lock_token: int) -> Held:
    """Find what a worker of this user holds under the token; raises LockLost."""
    lock = _held_by(user_id).filter(job_id=job_id, lock_token=lock_token)
    texts = {"id_text": "job_id", "payload_text": "job__payload", "user_text": "job__user_id"}
    as_text = {name: Cast(column, TextField()) for name, column in texts.items()}
    names = (*_ATTEMPT.values(), *_TIMES, "worker_id", "limited_queue", "job__status", "job__cancel_requested_at")
    rows: Any = lock.annotate(**as_text, now=ClockTimestamp()).values(*names)
    row: dict[str, Any] | None = next(iter(rows), None)
    if row is None or row["job__status"] != Status.PROCESSING:
        raise LockLost
    due, started, now = (row[name] for name in _TIMES)
    facts: dict[str, Any] = {name: row[column] for name, column in _ATTEMPT.items()}
    attempt = Attempt(**facts, renewed_at=0.0, waited=max(0.0, (started - due).total_seconds()))
    attempt.limited = bool(row["concurrency_key"] or row["limited_queue"])
    cancel_requested = row["job__cancel_requested_at"] is not None
    return Held(attempt, row["worker_id"], (now - started).total_seconds(), cancel_requested)


def renew(user_id: str, worker_id: str, tokens: Mapping[UUID, int], seconds: float) -> list[Renewal]:
    """Move the end of this worker's locks to `seconds` from now, and tell what is to be known of each job.

    A job that has outlived its timeout keeps the end that its lock has: a worker that does not stop then, loses it.
    """
    mine = _held_by(user_id).filter(worker_id=holder(user_id, worker_id), job_id__in=tokens)
    names = (
        "job_id",
        "lock_token",
        "job__timeout",
        "job__started_at",
        "job__cancel_requested_at",
        "job__status",
        "now",
    )
    rows: Any = mine.annotate(now=ClockTimestamp()).values_list(*names)
    found = {
        job_id: Renewal(job_id, True, cancel is not None, _is_over(timeout, now - started))
        for job_id, token, timeout, started, cancel, status, now in rows
        if tokens[job_id] == token and status == Status.PROCESSING
    }
    renewed = _renew([job_id for job_id, each in found.items() if not each.timed_out], tokens, seconds)
    # A lock may have gone between the two statements.
    kept = {job_id for job_id, each in found.items() if each.timed_out} | renewed
    return [found[job_id] if job_id in kept else Renewal(job_id, held=False) for job_id in tokens]


def report_progress(user_id: str, job_id: UUID, lock_token: int, percent: int, message: str) -> Held:
    """Write how far a job is; raises LockLost."""
    found = held(user_id, job_id, lock_token)
    if record_progress([(found.attempt, (percent, storable(message)[:PROGRESS_MAX_CHARACTERS]))]):
        raise LockLost
    return found


def _renew(job_ids: list[UUID], tokens: Mapping[UUID, int], seconds: float) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [job_ids, [tokens[job_id] for job_id in job_ids], seconds])
        return {job_id for (job_id,) in cursor.fetchall()}


def _is_over(timeout: float | None, age: timedelta) -> bool:
    return timeout is not None and age.total_seconds() > timeout


def _held_by(user_id: str) -> ProcessingLockQuerySet:
    """Narrow to jobs of other languages: Python's are not to be touched from here, whatever token somebody guesses.

    The status is left for Python to look at: to the planner the index of running jobs looks empty, so it would read
    all of them in place of one by its primary key.
    """
    locks = ProcessingLock.objects.filter(worker_id__startswith=holder(user_id, ""))
    return locks.filter(job__queue__startswith=QUEUE_PREFIX).order_by()
