"""What claims remember of limits from one to the next; who runs is counted from the locks instead."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobs.models.columns import ClockTimestamp


class RateWindow(models.Model):
    """The starts under one rate limit, counted in 61 slots of a sixtieth of its window each."""

    pk = models.CompositePrimaryKey("key", "seconds")
    #: 'q:' and a queue's name, or 'k:' and a concurrency key.
    key = models.TextField()
    seconds = models.FloatField()
    #: Number of the running slot, which is the last of the counts.
    slot = models.BigIntegerField()
    counts = ArrayField(models.IntegerField())
    touched_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        db_table = "job_rate_windows"
        ordering: ClassVar = ["key", "seconds"]

    def __str__(self) -> str:
        return f"{self.key} in {self.seconds:g} s"


class LaneTurn(models.Model):
    """Whose turn it is in a queue and priority, for claims that remember nothing themselves: those of SQL and HTTP."""

    pk = models.CompositePrimaryKey("queue", "priority")
    queue = models.TextField()
    priority = models.IntegerField()
    #: The lane that was served last.
    lane_key = models.TextField(db_collation="C")

    class Meta:
        db_table = "job_lane_turns"
        ordering: ClassVar = ["queue", "priority"]

    def __str__(self) -> str:
        return f"{self.queue}:{self.priority} after {self.lane_key}"
