from typing import ClassVar

from django.conf import settings
from django.db import models

from jobs import conf
from jobs.models.columns import ClockTimestamp, EmptyJson, Uuid7, uuid7
from jobs.statuses import Priority


class Schedule(models.Model):
    """When jobs of a type fall due by themselves: cron, timedelta or by hand."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    name = models.TextField(unique=True)
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
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    is_deleted = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    version = models.BigIntegerField(default=1, db_default=1, editable=False)

    class Meta:
        db_table = "job_schedules"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
