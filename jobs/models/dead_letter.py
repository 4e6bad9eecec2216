from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from jobs.models.columns import ClockTimestamp, EmptyArray, EmptyJson, Uuid7, uuid7
from jobs.models.job import Job
from jobs.statuses import Resolution


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    def open(self) -> Self:
        return self.filter(resolution_status=Resolution.OPEN)


class DeadLetter(models.Model):
    """A job that gave up, waiting for a person. What it was when it died is never overwritten."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    original_job = models.ForeignKey(Job, models.CASCADE, related_name="dead_letters")
    job_type = models.TextField()
    payload = models.JSONField(db_default=EmptyJson())
    error_history = ArrayField(models.JSONField(), default=list, db_default=EmptyArray(), blank=True)
    error_class = models.TextField(default="", db_default="", blank=True)
    error_message = models.TextField(default="", db_default="", blank=True)
    #: Same job type, same class of error, same message once numbers and ids are taken out.
    error_fingerprint = models.TextField()
    moved_at = models.DateTimeField(db_default=ClockTimestamp())
    resolution_status = models.TextField(choices=Resolution.choices, default=Resolution.OPEN, db_default="open")
    resolution_notes = models.TextField(blank=True, default="", db_default="")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    #: Set when the job was redriven with another payload than the one it died of.
    redriven_payload = models.JSONField(null=True, blank=True)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        db_table = "job_dead_letter_queue"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(resolution_status__in=Resolution.values), name="dead_letter_resolution_valid"
            ),
            models.CheckConstraint(
                condition=Q(resolution_status=Resolution.OPEN, resolved_at__isnull=True)
                | (~Q(resolution_status=Resolution.OPEN) & Q(resolved_at__isnull=False)),
                name="dead_letter_resolved_has_time",
            ),
            models.UniqueConstraint(
                fields=["original_job"],
                condition=Q(resolution_status=Resolution.OPEN),
                name="dead_letter_one_open_per_job",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            # One group's letters, newest first.
            models.Index(F("error_fingerprint"), F("id").desc(), name="dead_letter_fingerprint"),
            # The desk: what is open, newest first, in all or of one type.
            models.Index(
                F("job_type"), F("id").desc(),
                condition=Q(resolution_status=Resolution.OPEN), name="dead_letter_open_type",
            ),
            models.Index(F("id").desc(), condition=Q(resolution_status=Resolution.OPEN), name="dead_letter_open"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.job_type}: {self.error_message[:80]}"


class DeadLetterGroup(models.Model):
    """Dead letters of one fingerprint, counted by trigger so that the desk never scans history."""

    error_fingerprint = models.TextField(primary_key=True)
    job_type = models.TextField()
    error_class = models.TextField()
    error_message = models.TextField()
    open_count = models.BigIntegerField(db_default=0)
    total_count = models.BigIntegerField(db_default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        db_table = "job_dead_letter_groups"
        ordering: ClassVar = ["-last_seen_at"]
        indexes: ClassVar = [models.Index(F("last_seen_at").desc(), name="dead_letter_group_seen")]

    def __str__(self) -> str:
        return f"{self.job_type} {self.error_class}: {self.error_message[:80]}"
