"""What is kept of the request log beyond its rows: sums and histograms by the hour and by the day.

Each table has a row for each user and function, and rows for all users together, whose user_id is empty: operators
read only those, users only their own. The tables of usage also have rows for all functions together, whose
language_title is empty: charts of everything read one row for each hour or day.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Usage(models.Model):
    """Base class: what is summed. Do not use directly."""

    language_title = models.CharField(max_length=128)
    user_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    requests = models.BigIntegerField()
    successes = models.BigIntegerField()
    errors = models.BigIntegerField()
    cached = models.BigIntegerField()
    duration_sum = models.BigIntegerField()
    duration_min = models.IntegerField()
    duration_max = models.IntegerField()
    cached_duration_sum = models.BigIntegerField()
    #: Of those rows that say what they used.
    memory_sum = models.FloatField(default=0, db_default=0)
    memory_count = models.BigIntegerField(default=0, db_default=0)
    cpu_sum = models.FloatField(default=0, db_default=0)
    cpu_count = models.BigIntegerField(default=0, db_default=0)
    #: The histogram of durations, sparse: numbers of its buckets, rising, and how many fell into each.
    buckets = ArrayField(models.SmallIntegerField())
    counts = ArrayField(models.BigIntegerField())

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.language_title} {self.user_id or 'everyone'}"


class UsageHour(Usage):
    """One hour of one function and user; kept for some weeks."""

    hour = models.DateTimeField()

    class Meta(Usage.Meta):
        db_table = "usage_hours"
        ordering: ClassVar = ["hour", "language_title"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "hour", "language_title"], name="usage_hours_once")
        ]
        indexes: ClassVar = [
            # One function's hours, or those of all functions together.
            models.Index(fields=["user_id", "language_title", "hour"], name="usage_hours_function"),
            # The roll-up's, which replaces an hour, and the pruning's.
            models.Index(fields=["hour"], name="usage_hours_hour"),
        ]


class UsageDay(Usage):
    """One day (UTC) of one function and user; kept for good."""

    day = models.DateTimeField()
    #: Who called at least once; known in the rows of all users.
    unique_users = models.BigIntegerField(default=0, db_default=0)

    class Meta(Usage.Meta):
        db_table = "usage_days"
        ordering: ClassVar = ["day", "language_title"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "day", "language_title"], name="usage_days_once")
        ]
        indexes: ClassVar = [
            # One function's days, or those of all functions together.
            models.Index(fields=["user_id", "language_title", "day"], name="usage_days_function"),
            # Who called a function.
            models.Index(fields=["language_title", "day", "user_id"], name="usage_days_users"),
            # The roll-up's, which replaces a day.
            models.Index(fields=["day"], name="usage_days_day"),
        ]


class Errors(models.Model):
    """Base class: one error of one function and user. Do not use directly."""

    language_title = models.CharField(max_length=128)
    user_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    error_code = models.CharField(max_length=64)
    errors = models.BigIntegerField()
    first_occurrence = models.DateTimeField()
    last_occurrence = models.DateTimeField()
    #: How many requests ended with which status: {"500": 12}.
    statuses = models.JSONField()
    #: The latest request with it.
    example = models.UUIDField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.language_title} {self.error_code}"


class ErrorHour(Errors):
    """One error in the hour of its request, whenever the attempt failed; kept as long as UsageHour."""

    hour = models.DateTimeField()

    class Meta(Errors.Meta):
        db_table = "error_hours"
        ordering: ClassVar = ["hour", "language_title", "error_code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "hour", "language_title", "error_code"], name="error_hours_once")
        ]
        indexes: ClassVar = [models.Index(fields=["hour"], name="error_hours_hour")]


class ErrorDay(Errors):
    """One error in the day (UTC) of its request; kept as long as the daily metrics."""

    day = models.DateTimeField()

    class Meta(Errors.Meta):
        db_table = "error_days"
        ordering: ClassVar = ["day", "language_title", "error_code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "day", "language_title", "error_code"], name="error_days_once")
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="error_days_day")]


class RollupState(models.Model):
    """How far the roll-ups are: one row.

    Whoever writes request logs reads it FOR SHARE until it commits; who moves it on takes it FOR UPDATE, and so waits
    for rows that are being written. Rows of hours before `closed_until` name their hour in LateHour.
    """

    id = models.SmallIntegerField(primary_key=True, default=1, db_default=1)
    #: All hours before this one are rolled up.
    closed_until = models.DateTimeField()
    #: Answers hold all requests before this moment; the open hour is rolled up now and then.
    data_through = models.DateTimeField()

    class Meta:
        db_table = "rollup_state"
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="rollup_state_single")]

    def __str__(self) -> str:
        return f"{self.closed_until:%Y-%m-%d %H:%M}"


class LateHour(models.Model):
    """A closed hour that got rows, or whose rows changed: it is rolled up anew."""

    hour = models.DateTimeField(primary_key=True)
    touched_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "late_hours"

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M}"
