from typing import ClassVar, Final

from django.db import models

from accounts.uuid7 import DatabaseUUID7, uuid7

#: The answer to work that goes on: a row with one of these is completed when the job ends.
ACCEPTED: Final = (201, 202)


class RequestLog(models.Model):
    """One invoke, execute or job submission. Partitioned by `timestamp`, which is the time inside the id.

    The row of a request that made a job has the job's id, so that whoever knows the job finds the row, and its
    partition. The key in the database is (id, timestamp); Django, whose admin knows no composite keys, is told `id`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=DatabaseUUID7(), editable=False)
    request_id = models.CharField(max_length=128)
    language_title = models.CharField(max_length=128)
    #: The milliseconds since 1970 that the id begins with.
    timestamp = models.DateTimeField()
    client_ip = models.CharField(max_length=45, blank=True, default="", db_default="")
    user_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    request_headers = models.JSONField(null=True, blank=True)
    request_payload = models.JSONField(null=True, blank=True)
    response_payload = models.JSONField(null=True, blank=True)
    #: Of the answer; of accepted work, once it has ended, what a caller who waited would have got.
    status_code = models.IntegerField()
    #: From the request to the answer or, of accepted work, to its end.
    duration_ms = models.IntegerField()
    cached = models.BooleanField(default=False, db_default=False)
    error_details = models.JSONField(null=True, blank=True)
    #: queue_wait_ms, run_ms, cpu_ms, memory_usage_mb, cpu_usage_percent, attempts.
    runtime_metrics = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "request_logs"
        # The table is made in SQL, and so are its indexes.
        managed = False
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.language_title} {self.request_id}"
