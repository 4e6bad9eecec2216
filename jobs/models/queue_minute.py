from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobs.models.columns import EmptyArray

#: What a row may tell of, in minutes, and for how many days it is kept.
MINUTE: Final = 1
QUARTER: Final = 15
HOUR: Final = 60
DAYS_KEPT: Final = {MINUTE: 2, QUARTER: 8, HOUR: 35}

#: The row of all queues together.
ALL_QUEUES: Final = ""


class QueueMinute(models.Model):
    """What happened in a queue in a minute, a quarter or an hour, and how full it was.

    All queues together have a row whenever somebody looked, under the name "". A queue has one when something happened
    in it or something was in it: without it there was nothing, and without the row of all nobody knows.
    """

    pk = models.CompositePrimaryKey("queue", "grain", "at")
    queue = models.TextField()
    #: MINUTE, QUARTER or HOUR.
    grain = models.SmallIntegerField()
    #: Its begin.
    at = models.DateTimeField()
    #: How often somebody looked.
    samples = models.IntegerField(db_default=0)
    #: How long the counts took to come together: more than the row's time, if nobody had looked for a while.
    seconds = models.FloatField(db_default=0.0)
    #: Of all queues together only, by the server's own count of inserted rows.
    enqueued = models.BigIntegerField(db_default=0)
    attempts = models.BigIntegerField(db_default=0)
    completed = models.BigIntegerField(db_default=0)
    retried = models.BigIntegerField(db_default=0)
    cancelled = models.BigIntegerField(db_default=0)
    dead = models.BigIntegerField(db_default=0)
    #: How long jobs were due before they were begun, in WAIT_BUCKETS, and how long attempts ran, in RUN_TIME_BUCKETS.
    waits = ArrayField(models.BigIntegerField(), db_default=EmptyArray())
    runs = ArrayField(models.BigIntegerField(), db_default=EmptyArray())
    #: The most that was seen at once; a depth of queues.DEPTH_CAP is at least so many.
    depth = models.BigIntegerField(db_default=0)
    oldest = models.FloatField(db_default=0.0)
    running = models.IntegerField(db_default=0)
    #: Of all queues together: the fewest workers and slots that were alive, so that a loss is seen.
    workers = models.IntegerField(db_default=0)
    slots = models.IntegerField(db_default=0)

    class Meta:
        db_table = "job_queue_minutes"
        ordering: ClassVar = ["grain", "at", "queue"]
        indexes: ClassVar = [
            # A time of every queue, and what is old enough to go.
            models.Index("grain", "at", name="job_queue_minute_at"),
        ]

    def __str__(self) -> str:
        return f"{self.queue or 'all queues'} {self.at:%Y-%m-%d %H:%M} +{self.grain} min"
