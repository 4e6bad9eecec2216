"""Cancel, retry, change the priority, delete and restore, done to many jobs in few statements."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from jobs import status_cache
from jobs.announce import announce, announce_cancel
from jobs.bulk.by import By
from jobs.bulk.locking import Locked, lock_jobs
from jobs.bulk.on_letters import forget_time_outs
from jobs.bulk.report import Report
from jobs.bulk.rights import allowed, put_back
from jobs.control import restart_changes
from jobs.models import Job
from jobs.models.audit import audit_many
from jobs.models.comparison import IsAmong
from jobs.statuses import FINAL, Status, WaitsFor


def cancel(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Cancel pending jobs at once, ask running ones to stop."""
    report, jobs = Report(), []
    for job in _without_children(lock_jobs(ids, report), report):
        if job.status == Status.CANCELLED:
            report.skip(job.pk, "It is cancelled already.")
        elif job.status == Status.PROCESSING and job.cancel_requested_at:
            report.skip(job.pk, "It has been asked to stop already.")
        elif job.status in (Status.PENDING, Status.PROCESSING):
            jobs.append(job)
        else:
            report.skip(job.pk, f"Cannot cancel it: its status is {job.status}.")
    _cancel(jobs, by)
    report.done = len(jobs)
    return report


def retry(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Run failed and cancelled jobs again with all their retries, waiting ones at once."""
    report, ended, waiting = Report(), [], []
    for job in allowed(lock_jobs(ids, report), lambda job, why: report.fail(job.pk, why)):
        if job.status == Status.PENDING:
            waiting.append(job)
        elif job.status not in (Status.FAILED, Status.CANCELLED):
            hint = " Redrive its dead letter instead." if job.status == Status.DEAD_LETTER else ""
            report.skip(job.pk, f"Cannot retry it: its status is {job.status}.{hint}")
        elif job.waits_for == WaitsFor.JOBS:
            # Each of its dependencies is asked about again.
            report.later.append(job.pk)
        else:
            ended.append(job)
    status_cache.block(job.pk for job in (*ended, *waiting))
    forget_time_outs([job.pk for job in ended])
    back = put_back(
        ended,
        lambda job: restart_changes(),
        lambda job, why: report.fail(job.pk, why),
        lambda job: report.later.append(job.pk),
    )
    _write(waiting, scheduled_at=Now())
    _audit(back, by, "retry", {"status": Status.PENDING})
    _audit(waiting, by, "retry", {"scheduled_at": "now"})
    announce({(job.queue, job.priority) for job in (*back, *waiting)})
    report.done, report.jobs = len(back) + len(waiting), [job.pk for job in (*back, *waiting)]
    return report


def prioritise(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Give pending jobs another priority."""
    report, priority = Report(), arguments["priority"]
    jobs = _of_status(lock_jobs(ids, report), {Status.PENDING}, "change", report)
    status_cache.block(job.pk for job in jobs)
    _write(jobs, priority=priority)
    details = {job.pk: _change(by, {"priority": job.priority}, {"priority": priority}) for job in jobs}
    audit_many(by.actor, by.actor_name, "change", Job, details, by.reason)
    announce({(job.queue, priority) for job in jobs})
    report.done = len(jobs)
    return report


def delete(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Hide jobs that have ended; pending ones are cancelled first."""
    report = Report()
    jobs = _without_children(lock_jobs(ids, report), report)
    jobs = _of_status(jobs, {Status.PENDING, *FINAL}, "delete", report)
    _cancel([job for job in jobs if job.status == Status.PENDING], by)
    status_cache.block(job.pk for job in jobs)
    _write(jobs, is_deleted=True)
    details = {job.pk: _change(by, {"is_deleted": False}, {"is_deleted": True}) for job in jobs}
    audit_many(by.actor, by.actor_name, "delete", Job, details, by.reason)
    report.done = len(jobs)
    return report


def restore(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Show deleted jobs again, as they ended."""
    report, jobs = Report(), []
    for job in lock_jobs(ids, report, deleted=True):
        if job.is_deleted:
            jobs.append(job)
        else:
            report.skip(job.pk, "It is not deleted.")
    status_cache.block(job.pk for job in jobs)
    _write(jobs, is_deleted=False)
    details = {job.pk: _change(by, {"is_deleted": True}, {"is_deleted": False}) for job in jobs}
    audit_many(by.actor, by.actor_name, "restore", Job, details, by.reason)
    report.done = len(jobs)
    return report


def _cancel(jobs: list[Locked], by: By) -> None:
    status_cache.block(job.pk for job in jobs)
    pending = [job for job in jobs if job.status == Status.PENDING]
    running = [job for job in jobs if job.status == Status.PROCESSING]
    _write(pending, status=Status.CANCELLED, cancel_requested_at=Now())
    _write(running, cancel_requested_at=Now())
    for job in running:
        announce_cancel(job.pk)
    _audit(pending, by, "cancel", {"status": Status.CANCELLED})
    _audit(running, by, "cancel", {"cancel_requested_at": "now"})


def _without_children(jobs: list[Locked], report: Report) -> list[Locked]:
    """Leave jobs with children to be had one by one: their children are cancelled with them, and locked for that."""
    parents = set(
        Job.objects.filter(IsAmong("parent_id", [job.pk for job in jobs]))
        .order_by()
        .values_list("parent_id", flat=True)
    )
    report.later += [job.pk for job in jobs if job.pk in parents]
    return [job for job in jobs if job.pk not in parents]


def _of_status(jobs: list[Locked], statuses: set[Any], action: str, report: Report) -> list[Locked]:
    for job in jobs:
        if job.status not in statuses:
            report.skip(job.pk, f"Cannot {action} it: its status is {job.status}.")
    return [job for job in jobs if job.status in statuses]


def _write(jobs: list[Locked], **changes: Any) -> None:
    if jobs:
        Job.objects.filter(IsAmong("pk", [job.pk for job in jobs])).update(**changes)


def _audit(jobs: list[Locked], by: By, action: str, after: dict[str, Any]) -> None:
    details = {job.pk: _change(by, {"status": job.status}, after) for job in jobs}
    audit_many(by.actor, by.actor_name, action, Job, details, by.reason)


def _change(by: By, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {**by.details, "before": before, "after": after}
