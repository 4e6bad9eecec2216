"""Letting go of what a job remembers, when a person starts it anew."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from jobs.exceptions import InvalidState
from jobs.models import Job, Task
from jobs.models.audit import audit
from jobs.statuses import Status, WaitsFor


@transaction.atomic
def forget(job_id: UUID, actor: Any, reason: str = "") -> int:
    """Forget all tasks of a job that does not run, so that it begins at its first; gives how many they were.

    Events that it has taken stay taken. Raises InvalidState while it runs.
    """
    job = Job.objects.visible().select_for_update(of=("self",)).get(pk=job_id)
    if job.status == Status.PROCESSING:
        raise InvalidState("forget the tasks of", job.status)
    forgotten = forget_all(job_id)
    if job.status == Status.PENDING and job.waits_for != WaitsFor.JOBS:
        # What it slept or waited for is forgotten too: it has to come there again.
        Job.objects.filter(pk=job_id).update(waits_for=None, scheduled_at=Now())
    audit(actor, "forget tasks", job, reason, tasks=forgotten)
    return forgotten


def forget_all(job_id: UUID) -> int:
    """Delete the tasks of a job that the caller has locked."""
    return Task.objects.filter(job_id=job_id).delete()[0]


def forget_time_out(job_id: UUID) -> None:
    """Have a job wait once more for the event that did not come, if that is how far it had got.

    Where the handler went on from it, it stays as it was.
    """
    last = Task.objects.filter(job_id=job_id).aggregate(last=Max("position"))["last"]
    waits = Task.objects.filter(job_id=job_id, position=last, kind=Task.Kind.EVENT, status=Task.Status.FAILED)
    # Not deleted: users may put back their jobs and delete no rows.
    waits.update(status=Task.Status.PENDING, completed_at=None, error_class=None, error_message=None)
