from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from jobs.models.columns import ClockTimestamp, Uuid7, uuid7


class WebhookEvent(models.Model):
    """Something that happened and that an endpoint wants to be told of; gone once its deliveries are made.

    Written by triggers, in the transaction of what happened.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    #: "job.completed".
    type = models.TextField()
    at = models.DateTimeField(db_default=ClockTimestamp())
    #: Whose job it was about; no foreign key, because whoever ends a job should not lock its owner.
    user_id = models.UUIDField(null=True, blank=True)
    job_type = models.TextField(blank=True, default="", db_default="")
    queue = models.TextField(blank=True, default="", db_default="")
    #: What endpoints are told: ids, words and times, never what a job was given or gave.
    data = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        db_table = "job_webhook_events"
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.type
