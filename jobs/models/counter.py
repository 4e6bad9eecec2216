from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobs.models.columns import EmptyArray

#: Upper bounds in seconds of the run-time histogram, as OpenTelemetry's faas.invoke_duration has them.
RUN_TIME_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 60.0, 300.0)


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

    class Meta:
        db_table = "job_outcome_counters"
        ordering: ClassVar = ["queue", "job_type", "outcome"]

    def __str__(self) -> str:
        return f"{self.queue} {self.job_type} {self.outcome}: {self.count}"
