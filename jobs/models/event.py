from typing import ClassVar

from django.conf import settings
from django.db import models

from jobs.models.columns import ClockTimestamp, EmptyJson, Uuid7, uuid7
from jobs.models.job import Job
from jobs.models.task import Task


class NextEventNumber(models.Func):
    """A number above those of all events that were there when the job was locked for this one."""

    template = "nextval('job_event_number_seq')"
    arity = 0
    output_field = models.BigIntegerField()


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
    #: The order in which a job is told them; ids of one millisecond have none.
    number = models.BigIntegerField(db_default=NextEventNumber(), editable=False)
    #: The task that took it; an event is taken once, even if the task is forgotten later.
    # No database constraint: it would read this whole table for each task that is pruned.
    task = models.ForeignKey(
        Task, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "job_events"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            # The events of a job, oldest first.
            models.Index(fields=["job", "name", "id"], name="event_of_job"),
            # The next one that nobody has taken.
            models.Index(fields=["job", "name", "number"], condition=models.Q(task=None), name="event_untaken"),
        ]

    def __str__(self) -> str:
        return f"{self.name} for {self.job_id}"
