from typing import ClassVar

from django.db import models

from jobs.models.columns import ClockTimestamp


class Queue(models.Model):
    """A named lane with a rule of its own; a lane without a row here is simply open."""

    name = models.TextField(primary_key=True)
    paused = models.BooleanField(default=False, db_default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.TextField(blank=True, default="", db_default="")
    concurrency_limit = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "job_queues"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
