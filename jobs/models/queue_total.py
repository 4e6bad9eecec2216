from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobs.models.columns import EmptyArray


class QueueTotal(models.Model):
    """How far the counters of a queue had come when job_queue_minutes was written: the next look counts from here.

    The row of all queues together, "", says when that was. It changes in one transaction with what was counted.
    """

    queue = models.TextField(primary_key=True)
    at = models.DateTimeField(null=True)
    enqueued = models.BigIntegerField(db_default=0)
    attempts = models.BigIntegerField(db_default=0)
    completed = models.BigIntegerField(db_default=0)
    retried = models.BigIntegerField(db_default=0)
    cancelled = models.BigIntegerField(db_default=0)
    dead = models.BigIntegerField(db_default=0)
    waits = ArrayField(models.BigIntegerField(), db_default=EmptyArray())
    runs = ArrayField(models.BigIntegerField(), db_default=EmptyArray())

    class Meta:
        db_table = "job_queue_totals"
        ordering: ClassVar = ["queue"]

    def __str__(self) -> str:
        return f"{self.queue or 'all queues'}: {self.attempts}"
