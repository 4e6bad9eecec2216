from typing import ClassVar, Self

from django.db import models

from jobs import rates
from jobs.models.columns import ClockTimestamp


class QueueQuerySet(models.QuerySet["Queue"]):
    def ruled(self) -> Self:
        """Queues that are paused or have limits."""
        limited = models.Q(concurrency_limit__isnull=False) | models.Q(rate_limit__isnull=False)
        return self.filter(models.Q(paused=True) | limited)


class Queue(models.Model):
    """A named lane with a rule of its own; a lane without a row here is simply open."""

    name = models.TextField(primary_key=True)
    paused = models.BooleanField(default=False, db_default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.TextField(blank=True, default="", db_default="")
    #: Who paused it, by name; "" is from before that was kept.
    paused_by = models.TextField(blank=True, default="", db_default="")
    #: When it goes on by itself; NULL is when somebody says so.
    resume_at = models.DateTimeField(null=True, blank=True)
    #: How many of its jobs may run at once, on all workers together; NULL is any number.
    concurrency_limit = models.PositiveIntegerField(null=True, blank=True)
    #: How many of its jobs may start in a time: "60/m"; NULL is any number.
    rate_limit = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "no limit"
    #: Whether users take turns, however many jobs each of them has waiting.
    fair = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = QueueQuerySet.as_manager()

    class Meta:
        db_table = "job_queues"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(concurrency_limit__isnull=True) | models.Q(concurrency_limit__gte=1),
                name="queue_limit_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(rate_limit__isnull=True) | models.Q(rate_limit__regex=rates.COLUMN_PATTERN),
                name="queue_rate_readable",
            ),
        ]

    def __str__(self) -> str:
        return self.name
