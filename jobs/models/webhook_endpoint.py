from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from jobs.models.columns import ClockTimestamp, EmptyArray, Uuid7, uuid7


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def owned_by(self, user: Any) -> Self:
        return self.filter(user=user)


class WebhookEndpoint(models.Model):
    """Where events are sent to, and which ones. The database notes events only while one of these is active."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhook_endpoints", db_index=False)
    url = models.TextField()
    description = models.TextField(blank=True, default="", db_default="")
    #: Names of events: jobs.webhooks.event_types has them.
    events = ArrayField(models.TextField())
    #: Empty: of all job types, of all queues.
    job_types = ArrayField(models.TextField(), default=list, db_default=EmptyArray(), blank=True)
    queues = ArrayField(models.TextField(), default=list, db_default=EmptyArray(), blank=True)
    #: Whether it gets the events of everybody's jobs; for staff alone, which is looked at again at every event.
    everyone = models.BooleanField(default=False, db_default=False)
    is_active = models.BooleanField(default=True, db_default=True)
    #: Why it is not active, if nobody chose so: for people.
    disabled_reason = models.TextField(blank=True, default="", db_default="")
    disabled_at = models.DateTimeField(null=True, blank=True)
    #: whsec_ and base64. It has to be there as it is, because every message is signed with it.
    secret = models.TextField()
    #: The one before; messages are signed with both until then.
    previous_secret = models.TextField(blank=True, default="", db_default="")
    previous_until = models.DateTimeField(null=True, blank=True)
    #: Since when every attempt has failed, and how many in a row; NULL and 0 while all is well.
    failing_since = models.DateTimeField(null=True, blank=True)
    failures = models.IntegerField(default=0, db_default=0)
    #: A failing endpoint is left alone until then.
    rests_until = models.DateTimeField(null=True, blank=True)
    #: Events that were not kept for it, because too many were waiting already.
    dropped = models.BigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    #: Kept by trigger, like version, which moves with what people choose and with nothing else.
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    version = models.BigIntegerField(default=1, db_default=1, editable=False)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        db_table = "job_webhook_endpoints"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(events=[]), name="webhook_endpoint_has_events"),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_until__isnull=True)
                | (~Q(previous_secret="") & Q(previous_until__isnull=False)),
                name="webhook_endpoint_overlap_ends",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            # A user's own, newest first.
            models.Index("user", models.F("id").desc(), name="webhook_endpoint_owner"),
            # Whom an event may concern: asked wherever one is noted.
            models.Index("user", condition=Q(is_active=True), name="webhook_endpoint_active"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.description or self.url
