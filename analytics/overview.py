"""What the database's own views say: the whole installation at a glance, as psql shows it too."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.db import connections, router

from accounts.row_security import acting_as_system
from analytics.models import UsageDay

# Views have no key, which the ORM wants of everything that it reads.
_DAYS: Final = (
    "SELECT * FROM analytics.daily_stats_mv WHERE day >= %s ORDER BY day DESC, total_requests DESC LIMIT 1000"
)
_FUNCTIONS: Final = "SELECT * FROM analytics.function_performance LIMIT 1000"
_ERRORS: Final = "SELECT * FROM analytics.error_summary LIMIT 1000"

Row = dict[str, Any]


def days(since: date) -> list[Row]:
    """Give each function's days from this one on, the latest first; as of the last refresh."""
    return _rows(_DAYS, since)


def functions() -> list[Row]:
    """Give each function's last seven days, the most called first."""
    return _rows(_FUNCTIONS)


def errors() -> list[Row]:
    """Give the kinds of errors of the last seven days, the most frequent first."""
    return _rows(_ERRORS)


def _rows(sql: str, *arguments: Any) -> list[Row]:
    alias = router.db_for_read(UsageDay)
    with acting_as_system(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(sql, arguments)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
