"""Whether the database's tables are kept in order, and chores done."""

from collections.abc import Iterator
from typing import Final

from django.db import connection
from django.db.models import F
from prometheus_client.core import GaugeMetricFamily, Metric

from jobs.models import Chore
from jobs.models.columns import ClockTimestamp

#: The tables that every job writes to.
TABLES: Final = ("job_queue", "job_processing_locks")

# What PostgreSQL has counted since it last vacuumed: no table is read.
_ROWS: Final = """
SELECT relname, n_live_tup, n_dead_tup FROM pg_stat_user_tables
WHERE relid = ANY (%s::regclass[]::oid[]) ORDER BY relname
"""


def metrics() -> Iterator[Metric]:
    rows = GaugeMetricFamily("ekiden_table_rows", "Rows of a table, as PostgreSQL estimates.", labels=["table"])
    dead = GaugeMetricFamily(
        "ekiden_table_dead_rows", "Rows that vacuum has still to remove, as PostgreSQL estimates.", labels=["table"]
    )
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [list(TABLES)])
        for name, live, gone in cursor.fetchall():
            rows.add_metric([name], live)
            dead.add_metric([name], gone)
    yield from (rows, dead)
    overdue = GaugeMetricFamily(
        "ekiden_chore_overdue_seconds", "How long a chore has been due that no worker has done.", labels=["chore"]
    )
    for name, late in Chore.objects.order_by("name").values_list("name", ClockTimestamp() - F("due_at")):
        overdue.add_metric([name], max(0.0, late.total_seconds()))
    yield overdue
