from collections.abc import Mapping
from typing import ClassVar, Final

from django.db import connections, models

#: Rows of the request log that were given up: the buffer was full, or PostgreSQL refused them.
DROPPED: Final = "request_logs_dropped"
#: Times that rows came for which there was no partition.
MISSING_PARTITION: Final = "request_log_partitions_missing"

# Several processes add to one row; the ORM has no upsert that adds. In the order of the key: no deadlock.
_ADD: Final = """
INSERT INTO recorder_alarms AS a (name, count, latest_at)
SELECT name, count, clock_timestamp() FROM unnest(%s::text[], %s::bigint[]) AS n (name, count) ORDER BY name
ON CONFLICT (name) DO UPDATE SET count = a.count + excluded.count, latest_at = excluded.latest_at
"""


class RecorderAlarm(models.Model):
    """How often something went wrong with the request log, in all processes since ever; /metrics shows it."""

    name = models.TextField(primary_key=True)
    count = models.BigIntegerField(default=0, db_default=0)
    latest_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "recorder_alarms"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"


def count_alarms(counts: Mapping[str, int], using: str) -> None:
    """Add to the counters, in the caller's transaction."""
    raised = {name: count for name, count in counts.items() if count}
    if raised:
        with connections[using].cursor() as cursor:
            cursor.execute(_ADD, [list(raised), list(raised.values())])
