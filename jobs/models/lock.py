from typing import ClassVar, Self

from django.db import models

from jobs.models.columns import ClockTimestamp
from jobs.models.job import Job


class NextLockToken(models.Func):
    """A number never given out before: what fences a late worker off."""

    template = "nextval('job_lock_token_seq')"
    arity = 0
    output_field = models.BigIntegerField()


class ProcessingLockQuerySet(models.QuerySet["ProcessingLock"]):
    def held_by(self, worker_id: str) -> Self:
        return self.filter(worker_id=worker_id)


class ProcessingLock(models.Model):
    """A worker's lease on a job, alive until `expires_at`, good for writing while the token matches."""

    # No database constraint: a foreign-key trigger per claimed row costs a fifth of the drain rate,
    # rows are deleted with the outcome, and pruning touches only finished jobs.
    job = models.OneToOneField(Job, models.DO_NOTHING, primary_key=True, related_name="lock", db_constraint=False)
    worker_id = models.TextField()
    lock_token = models.BigIntegerField(db_default=NextLockToken())
    locked_at = models.DateTimeField(db_default=ClockTimestamp())
    expires_at = models.DateTimeField()
    #: The job's; how many locks have it is how many such jobs run.
    concurrency_key = models.TextField(null=True)  # noqa: DJ001 - NULL is outside every limit
    #: The job's queue, if that has a limit: how many locks have it is how many of its jobs run.
    limited_queue = models.TextField(null=True)  # noqa: DJ001 - NULL is "without a limit"

    objects = ProcessingLockQuerySet.as_manager()

    class Meta:
        db_table = "job_processing_locks"
        ordering: ClassVar = ["expires_at"]
        indexes: ClassVar = [
            models.Index(
                fields=["concurrency_key"], condition=models.Q(concurrency_key__isnull=False), name="lock_concurrency"
            ),
            models.Index(
                fields=["limited_queue"], condition=models.Q(limited_queue__isnull=False), name="lock_limited_queue"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} held by {self.worker_id}"
