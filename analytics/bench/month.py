"""A month of the past that belongs to the measurement: nobody's requests are that old, and it all goes afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connections
from psycopg import sql

from analytics import partitions
from analytics.models import CacheMetrics, ErrorDay, ErrorHour, LateHour, RuntimeMetrics, UsageDay, UsageHour

BEGIN: Final = datetime(2001, 1, 1, tzinfo=UTC)
END: Final = datetime(2001, 2, 1, tzinfo=UTC)
DAYS: Final = (END - BEGIN).days
HOURS: Final = DAYS * 24


@contextmanager
def bench_month() -> Iterator[None]:
    """Make the month's partitions, and take away whatever is of that month before and after."""
    _clear()
    try:
        _execute(sql.SQL("SELECT create_log_partitions({})").format(sql.Literal(BEGIN)))
        yield
    finally:
        _clear()


def hours() -> list[datetime]:
    return [BEGIN + timedelta(hours=number) for number in range(HOURS)]


def _clear() -> None:
    for partition in partitions.existing():
        if partition.starts and BEGIN <= partition.starts < END:
            name = sql.Identifier(partition.name)
            parent = sql.Identifier(partition.parent)
            _execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(parent, name))
            _execute(sql.SQL("DROP TABLE {}").format(name))
    for rows in (UsageHour.objects, ErrorHour.objects, LateHour.objects):
        rows.filter(hour__gte=BEGIN, hour__lt=END).delete()
    for days in (UsageDay.objects, ErrorDay.objects):
        days.filter(day__gte=BEGIN, day__lt=END).delete()
    for metrics in (RuntimeMetrics.objects, CacheMetrics.objects):
        metrics.filter(timestamp__gte=BEGIN, timestamp__lt=END).delete()


def _execute(statement: sql.Composable) -> None:
    with connections[partitions.alias()].cursor() as cursor:
        cursor.execute(statement)


def vacuum() -> None:
    """Do what autovacuum does a minute after such an amount of new rows."""
    for table in ("request_logs", "error_logs", "usage_hours", "usage_days", "error_hours", "error_days"):
        _execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))


def copy(statement: str, lines: Any) -> None:
    """Send lines of COPY's text format."""
    connection = connections[partitions.alias()]
    with connection.cursor() as cursor, cursor.copy(statement) as copying:
        for line in lines:
            copying.write(line)
