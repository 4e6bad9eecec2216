from typing import ClassVar

from django.db import models

from jobs.models.columns import ClockTimestamp


class SearchTombstone(models.Model):
    """A job that was deleted for good and may still be in the search engine; gone once the engine has deleted it.

    Written by a trigger that `manage.py search enable` makes; without search nothing writes here.
    """

    job_id = models.UUIDField(primary_key=True)
    #: One more than the job's last, so that the deletion wins against all that was sent before.
    version = models.BigIntegerField()
    deleted_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        db_table = "job_search_tombstones"
        ordering: ClassVar = ["deleted_at"]

    def __str__(self) -> str:
        return str(self.job_id)
