from typing import ClassVar

from django.conf import settings
from django.db import models

from jobs.models.columns import ClockTimestamp, EmptyJson, Uuid7, uuid7
from jobs.models.job import Job
from jobs.models.task import Task


class Event(models.Model):
    """Something that a job was told from outside, kept until the job asks for it."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    # The index of those not taken begins with it.
    job = models.ForeignKey(Job, models.CASCADE, related_name="events", db_index=False)
    name = models.TextField()
    payload = models.JSONField(db_default=EmptyJson(), default=dict)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    #: The task that took it; an event is taken once.
    task = models.ForeignKey(Task, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "job_events"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            # The events of a job, oldest first.
            models.Index(fields=["job", "name", "id"], name="event_of_job"),
        ]

    def __str__(self) -> str:
        return f"{self.name} for {self.job_id}"
