from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs import conf
from jobs.models.columns import ClockTimestamp, EmptyJson, Uuid7, uuid7
from jobs.statuses import Priority


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def visible(self) -> Self:
        """Leave out what was deleted."""
        return self.filter(is_deleted=False)

    def owned_by(self, user: Any) -> Self:
        return self.filter(user=user)

    def due(self, now: datetime | None = None) -> Self:
        """Those whose time has come, the one that waits longest first; without a `now`, all that await one."""
        awaited = self.visible().filter(is_active=True, next_run_at__isnull=False).order_by("next_run_at")
        return awaited if now is None else awaited.filter(next_run_at__lte=now)


class Schedule(models.Model):
    """When jobs of a type fall due by themselves: cron, timedelta or by hand."""

    class Misfire(models.TextChoices):
        """What becomes of times that passed while nobody was there to fire."""

        SKIP = "skip", _("Skip them")
        LATEST = "latest", _("Run once, for the latest")
        ALL = "all", _("Run all, up to the cap")

    class Overlap(models.TextChoices):
        """What becomes of a time at which the job before is not done yet."""

        ALLOW = "allow", _("Run beside it")
        SKIP = "skip", _("Skip the time")
        CANCEL = "cancel", _("Cancel the job before")

    class Source(models.TextChoices):
        CODE = "code", _("Code")
        API = "api", _("API")
        ADMIN = "admin", _("Admin")

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    name = models.TextField()
    description = models.TextField(blank=True, default="", db_default="")
    source = models.TextField(choices=Source.choices, default=Source.ADMIN, db_default="admin")
    #: Whether a schedule that is defined in code may be changed by people.
    editable = models.BooleanField(default=True, db_default=True)
    job_type = models.TextField()
    #: {"type": "cron", "expression": …, "timezone": …}, {"type": "timedelta", "seconds": …} or {"type": "manual"}.
    schedule_interval = models.JSONField()
    payload = models.JSONField(db_default=EmptyJson(), default=dict)
    queue = models.TextField(default=conf.DEFAULT_QUEUE, db_default=conf.DEFAULT_QUEUE)
    priority = models.IntegerField(default=Priority.NORMAL, db_default=5)
    max_retries = models.IntegerField(default=3, db_default=3)
    is_active = models.BooleanField(default=True, db_default=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    misfire = models.TextField(choices=Misfire.choices, default=Misfire.LATEST, db_default="latest")
    #: How many times that passed are made up for at most, where all are.
    misfire_cap = models.IntegerField(default=10, db_default=10)
    overlap = models.TextField(choices=Overlap.choices, default=Overlap.ALLOW, db_default="allow")
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_job = models.UUIDField(null=True, blank=True)
    #: Times that made no job, because of its rules for misfires and overlaps.
    skipped = models.BigIntegerField(default=0, db_default=0)
    #: Why the last time could make no job: "" while all is well.
    last_error = models.TextField(blank=True, default="", db_default="")
    #: When a person changed what the code says of it: from then on the code has no say.
    edited_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: When it was missing in the code, and so was switched off.
    vanished_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Without its owner it would be the system's, which may more.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    is_deleted = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    #: Kept by trigger, like version, for what people change: not for what firing writes.
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    version = models.BigIntegerField(default=1, db_default=1, editable=False)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        db_table = "job_schedules"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=models.Q(is_deleted=False),
                nulls_distinct=False,
                name="schedule_named_once",
            ),
            models.CheckConstraint(
                condition=models.Q(misfire__in=["skip", "latest", "all"], overlap__in=["allow", "skip", "cancel"]),
                name="schedule_rules_valid",
            ),
        ]
        indexes: ClassVar = [
            # What is due, and when the next one is.
            models.Index(
                fields=["next_run_at"],
                condition=models.Q(is_active=True, is_deleted=False, next_run_at__isnull=False),
                name="schedule_due",
            ),
        ]

    def __str__(self) -> str:
        return self.name
