from datetime import timedelta
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobs.models.columns import ClockTimestamp, EmptyArray


class SupervisorQuerySet(models.QuerySet["Supervisor"]):
    def running(self) -> Self:
        return self.filter(stopped_at__isnull=True)

    def heard_of(self, seconds: float) -> Self:
        """Those that run and said so within so many seconds, by the database's clock."""
        return self.running().filter(heartbeat_at__gte=ClockTimestamp() - timedelta(seconds=seconds))

    def gone(self, kept: timedelta) -> Self:
        """Those that were heard of for the last time so long ago, however they ended."""
        return self.filter(heartbeat_at__lt=ClockTimestamp() - kept)


class Supervisor(models.Model):
    """One `runworker --autoscale`: how many worker processes it has, wants and may have, and why.

    For people and for `/metrics`: no decision is made from these rows.
    """

    #: As a worker's: made anew at each start. Its worker processes name it in `job_workers.supervisor`.
    id = models.TextField(primary_key=True)
    hostname = models.TextField()
    pid = models.IntegerField()
    queues = ArrayField(models.TextField(), db_default=EmptyArray(), blank=True)
    job_types = ArrayField(models.TextField(), db_default=EmptyArray(), blank=True)
    #: The bounds.
    least = models.IntegerField()
    most = models.IntegerField()
    #: How many it wants to have.
    target = models.IntegerField()
    #: How many there are, those that end on its word not among them.
    actual = models.IntegerField()
    #: How many end on its word, which may take as long as their jobs.
    draining = models.IntegerField(default=0, db_default=0)
    #: Since its start: how many it added, drained, and replaced because they had ended by themselves.
    added = models.IntegerField(default=0, db_default=0)
    drained = models.IntegerField(default=0, db_default=0)
    replaced = models.IntegerField(default=0, db_default=0)
    #: What it thinks at present: why it adds, drains or does neither.
    reason = models.TextField(blank=True, default="", db_default="")
    #: When it last changed its target.
    decided_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(db_default=ClockTimestamp())
    heartbeat_at = models.DateTimeField(db_default=ClockTimestamp())
    stopped_at = models.DateTimeField(null=True, blank=True)

    objects = SupervisorQuerySet.as_manager()

    class Meta:
        db_table = "job_supervisors"
        ordering: ClassVar = ["-heartbeat_at"]

    def __str__(self) -> str:
        return self.id
