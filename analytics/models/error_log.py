from typing import ClassVar

from django.db import models

from accounts.uuid7 import DatabaseUUID7, uuid7


class ErrorLog(models.Model):
    """One failed attempt of a job that a request asked for; partitioned by the request's timestamp, as its row is."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=DatabaseUUID7(), editable=False)
    request_log = models.ForeignKey(
        "analytics.RequestLog", models.DO_NOTHING, db_constraint=False, related_name="errors"
    )
    request_timestamp = models.DateTimeField()
    timestamp = models.DateTimeField()
    user_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    #: The error's class.
    error_code = models.CharField(max_length=64)
    error_message = models.TextField()
    stack_trace = models.TextField(blank=True, default="", db_default="")
    #: attempt, kind, worker and what else is known.
    context = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "error_logs"
        managed = False
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.error_code} {self.request_log_id}"
