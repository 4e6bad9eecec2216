"""Whose jobs a caller of the API sees: staff all of them, everyone else their own."""

from typing import Any

from rest_framework.permissions import BasePermission

from accounts.permissions import IsOperatorOrReads, MayWrite
from accounts.roles import STAFF
from jobs.models import Batch, Job
from jobs.models.batch import BatchQuerySet
from jobs.models.job import JobQuerySet

#: For views of jobs: who may see one may also act on it, but a viewer only looks.
ON_JOBS: tuple[type[BasePermission], ...] = (MayWrite,)
#: For what belongs to nobody: queues and dead letters.
ON_THE_DESK: tuple[type[BasePermission], ...] = (IsOperatorOrReads,)


def visible_batches(user: Any) -> BatchQuerySet:
    """Give the batches that the user may know of."""
    return Batch.objects.all() if user.role in STAFF else Batch.objects.owned_by(user)


def visible_jobs(user: Any) -> JobQuerySet:
    """Give the jobs that the user may know of; those of others are not there for them."""
    return jobs_even_deleted(user).visible()


def jobs_even_deleted(user: Any) -> JobQuerySet:
    """Give the user's jobs with those that were deleted, which can be restored."""
    jobs = Job.objects.all()
    return jobs if user.role in STAFF else jobs.owned_by(user)
