from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import connections, models

from jobs.models.columns import EmptyArray

#: Upper bounds in seconds: a wake-up takes milliseconds, a backlog hours.
WAIT_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)

#: What is counted: every attempt, and those that a worker began which had been waiting for work.
WAITED: Final = "waited"
WOKEN: Final = "woken"

# Several workers add to one row; the ORM has no upsert that adds.
_ADD: Final = """
INSERT INTO job_wait_counters AS c (name, queue, count, seconds, histogram)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (name, queue) DO UPDATE
SET count = c.count + excluded.count, seconds = c.seconds + excluded.seconds,
    histogram = (SELECT array_agg(coalesce(old, 0) + coalesce(new, 0) ORDER BY at)
                 FROM unnest(c.histogram, excluded.histogram) WITH ORDINALITY AS h (old, new, at))
"""


class WaitCounterQuerySet(models.QuerySet["WaitCounter"]):
    def add_up(self, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows of the table's columns to what is there. Give them in the order of their key: no deadlock."""
        with connections[self.db].cursor() as cursor:
            cursor.executemany(_ADD, rows)


class WaitCounter(models.Model):
    """How long jobs were due before a worker began them, by queue and since ever."""

    pk = models.CompositePrimaryKey("name", "queue")
    name = models.TextField()
    queue = models.TextField()
    count = models.BigIntegerField(db_default=0)
    seconds = models.FloatField(db_default=0.0)
    #: One number per bound of WAIT_BUCKETS, not cumulative, and one for what is longer.
    histogram = ArrayField(models.BigIntegerField(), db_default=EmptyArray())

    objects = WaitCounterQuerySet.as_manager()

    class Meta:
        db_table = "job_wait_counters"
        ordering: ClassVar = ["name", "queue"]

    def __str__(self) -> str:
        return f"{self.name} in {self.queue}: {self.count}"
