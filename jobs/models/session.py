from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.columns import ClockTimestamp


class Session(models.Model):
    """A two-phase function call: made once with a context, executed many times; lives in `meta.sessions`."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        CLOSED = "closed", "Closed"
        EXPIRED = "expired", "Expired"

    request_id = models.CharField(max_length=64, primary_key=True)
    language_title = models.CharField(max_length=128)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, to_field="user_id", null=True, blank=True, related_name="sessions"
    )
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    expires_at = models.DateTimeField()
    last_executed_at = models.DateTimeField(null=True, blank=True)
    execution_count = models.IntegerField(default=0, db_default=0)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE, db_default="active")
    context = models.JSONField(null=True, blank=True)
    metadata = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "sessions"
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["active", "closed", "expired"]), name="session_status_valid"
            ),
            models.CheckConstraint(condition=Q(execution_count__gte=0), name="session_count_positive"),
        ]
        # What falls due for expiry; closed and expired sessions are not looked for by time.
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], condition=Q(status="active"), name="session_expiry"),
        ]

    def __str__(self) -> str:
        return self.request_id
