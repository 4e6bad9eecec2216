from collections.abc import Iterable
from typing import ClassVar, Final

from django.db import connections, models
from django.db.models import Sum

from jobs.models.columns import Uuid7, uuid7

#: What is counted: by workers (the first two), by SQL functions and triggers.
RENEWED: Final = "renewed"
LOCK_LOST: Final = "lock_lost"
RESCUED: Final = "rescued"
WORKER_LOST: Final = "worker_lost"
DEAD_LETTERED: Final = "dead_lettered"

#: Names of queues come from callers: what is beyond so many rows goes under one name.
MOST_ROWS: Final = 2_000

# Whoever reads meanwhile sees the rows before it or after it, never both; a second one at the same time finds nothing.
_FOLD: Final = """
WITH gone AS (
    DELETE FROM job_event_counts RETURNING name, queue, job_type, count
), summed AS (
    SELECT name, queue, job_type, sum(count) AS count, row_number() OVER (ORDER BY sum(count) DESC) <= %s AS named
    FROM gone GROUP BY name, queue, job_type
)
INSERT INTO job_event_counts (name, queue, job_type, count)
SELECT name, CASE WHEN named OR queue = '' THEN queue ELSE '_other' END,
       CASE WHEN named OR job_type = '' THEN job_type ELSE '_other' END, sum(count)
FROM summed GROUP BY 1, 2, 3
"""

#: What has been counted: name, queue, job type and how often.
Counted = tuple[str, str, str, int]


class EventCountQuerySet(models.QuerySet["EventCount"]):
    def note(self, counted: Iterable[Counted]) -> None:
        """Add to the counts, in rows of their own."""
        rows = [EventCount(name=name, queue=queue, job_type=kind, count=count) for name, queue, kind, count in counted]
        self.bulk_create(rows)

    def totals(self) -> list[Counted]:
        """Give what was counted since ever."""
        summed = self.order_by().values_list("name", "queue", "job_type").annotate(total=Sum("count"))
        return [(name, queue, job_type, int(total)) for name, queue, job_type, total in summed]

    def fold(self) -> None:
        """Make one row of all those that count the same."""
        with connections[self.db].cursor() as cursor:
            cursor.execute(_FOLD, [MOST_ROWS])


class EventCount(models.Model):
    """How often something happened to jobs: rows are added, never changed, and folded once a minute.

    So nobody waits for anybody: a counter in one row would be locked by each transaction that counts, until its end.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    name = models.TextField()
    #: Empty where it is not known.
    queue = models.TextField(db_default="", default="", blank=True)
    job_type = models.TextField(db_default="", default="", blank=True)
    count = models.BigIntegerField()

    objects = EventCountQuerySet.as_manager()

    class Meta:
        db_table = "job_event_counts"
        ordering: ClassVar = ["name", "queue", "job_type"]

    def __str__(self) -> str:
        return f"{self.name} {self.queue} {self.job_type}: {self.count}"
