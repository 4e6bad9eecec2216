from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models

from jobs.models.columns import ClockTimestamp, EmptyJson, Uuid7, uuid7


class BatchQuerySet(models.QuerySet["Batch"]):
    def owned_by(self, user: Any) -> Self:
        return self.filter(user=user)


class Batch(models.Model):
    """Jobs that were submitted together and are counted together: a group, or a workflow of dependent jobs."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    name = models.TextField(blank=True, default="", db_default="")
    #: How many jobs it began with; those of them that are pruned do not change it.
    total = models.IntegerField()
    #: The job that runs when the others have ended, if there is one; it depends on them like any other.
    callback = models.UUIDField(null=True, blank=True)
    #: Of a workflow: the ids of its jobs by the names of its steps.
    steps = models.JSONField(null=True, blank=True)
    metadata = models.JSONField(default=dict, db_default=EmptyJson(), blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = BatchQuerySet.as_manager()

    class Meta:
        db_table = "job_batches"
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "batches"
        indexes: ClassVar = [
            # A client's own list, newest first.
            models.Index(models.F("user"), models.F("id").desc(), name="batch_owner"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)
