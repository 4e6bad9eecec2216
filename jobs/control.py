"""What people do to a job: cancel, retry, change, delete, restore. Each act locks the job and leaves an audit entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from jobs import language_rights, options, status_cache
from jobs.announce import announce, announce_cancel
from jobs.exceptions import InvalidOption, InvalidState, StaleVersion, UniqueKeyTaken
from jobs.lanes import give_lanes
from jobs.linking import wait_anew
from jobs.models import Job
from jobs.models.audit import audit
from jobs.new_job import refuse_foreign_queue
from jobs.statuses import FINAL, Status
from jobs.tasks.forgetting import forget_time_out
from jobs.unique_keys import holder_of

_CHANGES: Final = {
    "priority": options.check_priority,
    "scheduled_at": options.check_scheduled_at,
    "metadata": options.check_metadata,
    "queue": options.check_queue,
}


@transaction.atomic
def cancel(job_id: UUID, actor: Any, reason: str = "") -> Job:
    """Cancel a pending job at once, ask a running one to stop; a cancelled one stays as it is.

    A running job ends when its handler notices, is interrupted or has run out of attempts: look at its status.
    Raises InvalidState for a job that has ended otherwise.
    """
    job = _locked(job_id)
    if job.status == Status.CANCELLED or (job.status == Status.PROCESSING and job.cancel_requested_at):
        return job
    if job.status == Status.PENDING:
        changes = {"status": Status.CANCELLED, "cancel_requested_at": Now()}
    elif job.status == Status.PROCESSING:
        changes = {"cancel_requested_at": Now()}
        announce_cancel(job.pk)
    else:
        raise InvalidState("cancel", job.status)
    return _apply(job, changes, actor, "cancel", reason)


@transaction.atomic
def retry(job_id: UUID, actor: Any, reason: str = "") -> Job:
    """Run a failed or cancelled job again with all its retries, or a waiting one at once.

    One that was cancelled because a job it depends on ended otherwise waits for that job once more if it may still end
    as wanted; else it runs now, because a person says so.
    Raises InvalidState for a job that runs, succeeded, or lies as a dead letter (those are redriven), and
    UniqueKeyTaken when another job has taken its unique key meanwhile, LanguageNotAllowed when its owner may not
    use its language any more.
    """
    job = _locked(job_id)
    if job.status == Status.PENDING:
        changes: dict[str, Any] = {"scheduled_at": Now()}
    elif job.status in {Status.FAILED, Status.CANCELLED}:
        forget_time_out(job.pk)
        changes = restart_changes() | wait_anew(job)
    else:
        hint = "Cannot retry it: its status is dead_letter. Redrive its dead letter instead."
        raise InvalidState("retry", job.status, hint if job.status == Status.DEAD_LETTER else "")
    language_rights.check_owner(job)
    with refusing_taken_key(job):
        job = _apply(job, changes, actor, "retry", reason)
    announce([(job.queue, job.priority)])
    return job


@transaction.atomic
def change(job_id: UUID, actor: Any, *, expected_version: int | None = None, reason: str = "", **changes: Any) -> Job:
    """Change priority, scheduled_at, queue or metadata of a pending job.

    It keeps its concurrency key, and takes its turn in the new queue as that queue has it. Raises InvalidOption for a
    queue whose workers could do nothing with the job, StaleVersion when `expected_version` is not its version any more,
    InvalidState when it is not pending.
    """
    for name, value in changes.items():
        if name not in _CHANGES:
            raise InvalidOption(name, "cannot be changed.")
        _CHANGES[name](value)
    job = _locked(job_id)
    if expected_version is not None and job.version != expected_version:
        raise StaleVersion(job.version)
    if job.status != Status.PENDING:
        raise InvalidState("change", job.status)
    if not changes:
        return job
    if "scheduled_at" in changes:
        changes["scheduled_at"] = max(changes["scheduled_at"], options.EARLIEST)
    if "queue" in changes:
        Job.objects.filter(pk=job.pk).update(lane_key=lane_in(changes["queue"], job))
    job = _apply(job, changes, actor, "change", reason)
    announce([(job.queue, job.priority)])
    return job


def lane_in(queue: str, job: Job) -> str | None:
    """Give the lane that the job is claimed from in this queue; raises InvalidOption."""
    refuse_foreign_queue(queue, job.queue)
    row: dict[str, Any] = {"queue": queue, "user_id": job.user_id, "concurrency_key": job.concurrency_key}
    give_lanes([row], Job.objects.db)
    return row.get("lane_key")


@transaction.atomic
def soft_delete(job_id: UUID, actor: Any, reason: str = "") -> None:
    """Hide a job that has ended; a pending one is cancelled first. Raises InvalidState while it runs."""
    job = _locked(job_id)
    if job.status == Status.PENDING:
        job = cancel(job_id, actor, reason)
    if job.status not in FINAL:
        hint = "Resolve or discard its dead letter first." if job.status == Status.DEAD_LETTER else "Cancel it first."
        raise InvalidState("delete", job.status, f"Cannot delete it: its status is {job.status}. {hint}")
    _apply(job, {"is_deleted": True}, actor, "delete", reason)


@transaction.atomic
def restore(job_id: UUID, actor: Any, reason: str = "") -> Job:
    """Show a deleted job again, as it ended; one that is not deleted stays as it is.

    One that was pending when it was deleted is cancelled: it runs only if somebody has it retried. Raises
    Job.DoesNotExist when it has been pruned by now.
    """
    job = Job.objects.select_for_update(of=("self",)).get(pk=job_id)
    return _apply(job, {"is_deleted": False}, actor, "restore", reason) if job.is_deleted else job


def restart_changes() -> dict[str, Any]:
    """Give the columns of a job that begins anew: pending, due now, all retries ahead, its history kept."""
    return {
        "status": Status.PENDING,
        "scheduled_at": Now(),
        "started_at": None,
        "completed_at": None,
        "failed_at": None,
        "cancel_requested_at": None,
        "retry_count": 0,
        "progress": 0,
        "progress_message": "",
    }


@contextmanager
def refusing_taken_key(job: Job) -> Iterator[None]:
    """Raise UniqueKeyTaken when another job has taken the unique key of the job that the block puts back."""
    _refuse_taken_key(job)
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        # The holder was not yet committed when we looked; now it is, or the error is another.
        _refuse_taken_key(job)
        raise


def _refuse_taken_key(job: Job) -> None:
    # One that held it only while it waited the first time, or has lost it since, does without.
    if not job.unique_key or (job.unique_states is not None and Status.PENDING not in job.unique_states):
        return
    holder = holder_of(job.job_type, job.unique_key, job.user_id)
    if holder is not None and holder != job.pk:
        raise UniqueKeyTaken(job.unique_key, holder)


def _locked(job_id: UUID) -> Job:
    return Job.objects.visible().select_for_update(of=("self",)).get(pk=job_id)


def _apply(job: Job, changes: dict[str, Any], actor: Any, action: str, reason: str) -> Job:
    status_cache.block([job.pk])
    Job.objects.filter(pk=job.pk).update(**changes)
    before = {name: _plain(getattr(job, name)) for name in changes}
    job.refresh_from_db()
    after = {name: _plain(getattr(job, name)) for name in changes}
    audit(actor, action, job, reason, before=before, after=after)
    return job


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
