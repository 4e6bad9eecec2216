from datetime import timedelta
from typing import ClassVar, Self

from django.db import models

from jobs.models.columns import ClockTimestamp, EmptyJson


class ChoreQuerySet(models.QuerySet["Chore"]):
    def due(self) -> Self:
        return self.filter(due_at__lte=ClockTimestamp())

    def take(self, name: str, lease: timedelta) -> bool:
        """Claim a run that is due; False when another worker was faster. Ends by `settle`, or when the lease does."""
        now = ClockTimestamp()
        return bool(self.due().filter(name=name).update(started_at=now, due_at=now + lease))

    def settle(self, name: str, interval: timedelta, error: str) -> None:
        self.filter(name=name).update(
            due_at=models.F("started_at") + interval, ended_at=ClockTimestamp(), error_message=error
        )


class Chore(models.Model):
    """When something that workers do now and then is due again, and how it went."""

    name = models.TextField(primary_key=True)
    due_at = models.DateTimeField(db_default=ClockTimestamp())
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    #: Of the latest run; empty when it went well.
    error_message = models.TextField(blank=True, default="", db_default="")
    #: What its next run goes on from; its own affair.
    memory = models.JSONField(default=dict, db_default=EmptyJson(), blank=True)

    objects = ChoreQuerySet.as_manager()

    class Meta:
        db_table = "job_chores"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
