from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Concat

from jobs.models.columns import ClockTimestamp, Uuid7, uuid7


class Function(models.Model):
    """The catalogue entry of something callable; lives in `meta.functions`."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    language = models.CharField(max_length=32)
    title = models.CharField(max_length=64)
    #: How callers name it: `python-summarize`.
    language_title = models.CharField(max_length=128, unique=True)
    description = models.TextField(blank=True, default="", db_default="")
    #: The JSON Schema that requests are checked against.
    schema_definition = models.JSONField(null=True, blank=True)
    examples = models.JSONField(null=True, blank=True)
    #: Seconds for which the same parameters get the same answer without a job; NULL is never.
    cache_seconds = models.PositiveIntegerField(null=True, blank=True)
    #: For functions in other languages: seconds that an attempt may run, and retries after the first one.
    timeout = models.FloatField(null=True, blank=True)
    max_retries = models.PositiveSmallIntegerField(null=True, blank=True)
    version = models.CharField(max_length=32, default="1.0.0", db_default="1.0.0")
    tags = ArrayField(models.CharField(max_length=64), null=True, blank=True)
    is_active = models.BooleanField(default=True, db_default=True)
    #: When `sync_functions` switched it off because its handler was gone. A person who switches it off sets no time, so
    #: that a handler's return brings back only what its going took away.
    vanished_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.CharField(max_length=128, blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    # A trigger keeps this one, whoever writes.
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "functions"
        ordering: ClassVar = ["language_title"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(language_title=Concat("language", Value("-"), "title")), name="function_named_by_parts"
            ),
        ]
        indexes: ClassVar = [
            # The pages of one language, in the list's order.
            models.Index(fields=["language", "language_title"], name="function_language"),
            # Those of one tag.
            GinIndex(fields=["tags"], name="function_tags"),
        ]

    def __str__(self) -> str:
        return self.language_title
