from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from jobs.models.columns import ClockTimestamp, EmptyArray, Uuid7, uuid7
from jobs.models.webhook_endpoint import WebhookEndpoint


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def owned_by(self, user: Any) -> Self:
        return self.filter(user=user)

    def waiting(self) -> Self:
        return self.filter(state=WebhookDelivery.State.WAITING)

    def unqueued(self) -> Self:
        """Those that no job is there for: new ones, and those whose next attempt is not due yet."""
        return self.waiting().filter(job=None)


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint, with all attempts to bring it there."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries", db_index=False)
    #: The endpoint's owner, for the row's security.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    #: The same in every attempt, and when it is sent again: the receiver knows by it what it has had.
    event_id = models.UUIDField()
    event = models.TextField()
    #: When it happened.
    at = models.DateTimeField()
    data = models.JSONField(encoder=DjangoJSONEncoder)
    state = models.TextField(choices=State.choices, default=State.WAITING, db_default="waiting")
    #: The job of the attempt that is under way; any other one that comes with it is late.
    job = models.UUIDField(null=True, blank=True)
    #: Attempts since it was made, or sent again: the schedule of retries goes by it.
    tries = models.IntegerField(default=0, db_default=0)
    #: The latest attempts, the last one last: {"at", "number", "status", "milliseconds", "error", "excerpt"}.
    attempts = ArrayField(models.JSONField(), default=list, db_default=EmptyArray(), blank=True)
    #: Of the last attempt; NULL where nothing answered.
    last_status = models.SmallIntegerField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="", db_default="")
    #: When the next attempt is due, while there is to be one.
    next_attempt_at = models.DateTimeField(db_default=ClockTimestamp())
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        db_table = "job_webhook_deliveries"
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "delivered", "failed"]), name="webhook_delivery_state_valid"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True)
                | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="webhook_delivery_ended_has_time",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            # An endpoint's deliveries, newest first, all of them or those in a state.
            models.Index(F("endpoint"), F("id").desc(), name="webhook_delivery_endpoint"),
            models.Index(
                F("endpoint"), F("state"), F("id").desc(), condition=~Q(state="delivered"), name="webhook_delivery_left"
            ),
            # What is due next at an endpoint, if no job is there for it yet.
            models.Index(
                F("endpoint"), F("next_attempt_at"), F("id"),
                condition=Q(state="waiting", job__isnull=True), name="webhook_delivery_due",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"

    @property
    def message_id(self) -> str:
        """What the header webhook-id says."""
        return f"msg_{self.event_id.hex}"
