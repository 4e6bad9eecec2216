from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import connections, models, transaction

from jobs.models.columns import EmptyArray

#: Upper bounds in seconds of the run-time histogram, as OpenTelemetry's faas.invoke_duration has them.
RUN_TIME_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 60.0, 300.0)

# Several workers add to one row; the ORM has no upsert that adds.
_ADD: Final = """
INSERT INTO job_outcome_counters AS c (queue, job_type, outcome, count, run_seconds, histogram)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (queue, job_type, outcome) DO UPDATE
SET count = c.count + excluded.count, run_seconds = c.run_seconds + excluded.run_seconds,
    histogram = (SELECT array_agg(coalesce(old, 0) + coalesce(new, 0) ORDER BY at)
                 FROM unnest(c.histogram, excluded.histogram) WITH ORDINALITY AS h (old, new, at))
"""


class OutcomeCounterQuerySet(models.QuerySet["OutcomeCounter"]):
    def add_up(self, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows of the table's columns to what is there. Give them in the order of their key: no deadlock."""
        with connections[self.db].cursor() as cursor:
            cursor.executemany(_ADD, rows)

    def count_one(self, queue: str, job_type: str, outcome: str, seconds: float) -> None:
        """Count one attempt."""
        histogram = [0] * (len(RUN_TIME_BUCKETS) + 1)
        histogram[bisect_left(RUN_TIME_BUCKETS, seconds)] = 1
        with transaction.atomic(using=self.db), connections[self.db].cursor() as cursor:
            # Everyone who ends a job of this type wants this row, so nobody keeps it for as long as a disk takes.
            cursor.execute("SET LOCAL synchronous_commit = off")
            self.add_up([[queue, job_type, outcome, 1, seconds, histogram]])


class OutcomeCounter(models.Model):
    """Attempts by queue, type and outcome since ever: what /metrics shows without reading history."""

    pk = models.CompositePrimaryKey("queue", "job_type", "outcome")
    queue = models.TextField()
    job_type = models.TextField()
    outcome = models.TextField()
    count = models.BigIntegerField(db_default=0)
    run_seconds = models.FloatField(db_default=0.0)
    #: One number per bound of RUN_TIME_BUCKETS, not cumulative, and one for what is longer.
    histogram = ArrayField(models.BigIntegerField(), db_default=EmptyArray())

    objects = OutcomeCounterQuerySet.as_manager()

    class Meta:
        db_table = "job_outcome_counters"
        ordering: ClassVar = ["queue", "job_type", "outcome"]

    def __str__(self) -> str:
        return f"{self.queue} {self.job_type} {self.outcome}: {self.count}"
