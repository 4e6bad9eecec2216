from typing import ClassVar

from django.db import models

from jobs.models.columns import ClockTimestamp


class SearchRejection(models.Model):
    """A job's document that the search engine would not take, put aside so that it holds up no other.

    The job counts as sent in that version. It is tried again later, each time after a longer while, and at once when
    the job changes; when the engine takes it, the row goes.
    """

    job_id = models.UUIDField(primary_key=True)
    version = models.BigIntegerField()
    #: In the engine's words.
    error_message = models.TextField()
    tries = models.IntegerField(default=1, db_default=1)
    rejected_at = models.DateTimeField(db_default=ClockTimestamp())
    retry_at = models.DateTimeField()

    class Meta:
        db_table = "job_search_rejections"
        ordering: ClassVar = ["-rejected_at"]
        indexes: ClassVar = [
            # What is due for another try.
            models.Index(fields=["retry_at"], name="search_rejection_retry"),
        ]

    def __str__(self) -> str:
        return str(self.job_id)
