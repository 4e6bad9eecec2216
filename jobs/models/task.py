from typing import ClassVar, Final

from django.db import models
from django.db.models import F

from jobs.models.columns import ClockTimestamp, EmptyJson, Uuid7, uuid7
from jobs.models.job import Job

#: More than a map has items.
PLACES_PER_POSITION: Final = 4_294_967_296


class Task(models.Model):
    """A durable step inside one job: run once and remembered."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        PROCESSING = "processing", "Processing"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Kind(models.TextChoices):
        CALL = "call", "Call"
        MAP = "map", "Item of a map"
        SLEEP = "sleep", "Sleep"
        EVENT = "event", "Event"

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    # The unique constraint begins with it and serves its look-ups.
    job = models.ForeignKey(Job, models.CASCADE, related_name="tasks", db_index=False)
    #: Where in the job's code: the how many'th task it is, from 1, and which item of a map; -1 is the map as a whole.
    position = models.IntegerField(db_default=0)
    item = models.IntegerField(db_default=0, default=0)
    #: Both in one number, which lists of tasks go by.
    place = models.GeneratedField(
        expression=F("position") * PLACES_PER_POSITION + F("item"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    name = models.TextField(db_default="")
    kind = models.TextField(choices=Kind.choices, default=Kind.CALL, db_default="call")
    status = models.TextField(choices=Status.choices, default=Status.PENDING, db_default="pending")
    payload = models.JSONField(db_default=EmptyJson(), default=dict)
    result = models.JSONField(null=True, blank=True)
    #: What it was given, in short; another number says that it is given something else now. Of a map, its length.
    fingerprint = models.BigIntegerField(null=True, blank=True, editable=False)
    error_message = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "no error"
    #: Module and name of the error's class.
    error_class = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "no error"
    #: How often it was begun.
    attempt = models.IntegerField(db_default=0, default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    #: The end of a sleep, or until when an event is waited for; NULL is for ever.
    wake_at = models.DateTimeField(null=True, blank=True)
    is_deleted = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    version = models.BigIntegerField(default=1, db_default=1, editable=False)

    class Meta:
        db_table = "job_tasks"
        ordering: ClassVar = ["job", "place"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "place"], name="task_once_per_job"),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "processing", "completed", "failed", "cancelled"]),
                name="task_status_valid",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["call", "map", "sleep", "event"]), name="task_kind_valid"
            ),
        ]
        indexes: ClassVar = [
            # What a job waits for; nothing that changes, so that rows are still updated in place.
            models.Index(fields=["job", "name"], condition=models.Q(kind__in=["sleep", "event"]), name="task_waits"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.job_id}"
