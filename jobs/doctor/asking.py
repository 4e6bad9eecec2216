"""Asking the database, for checks."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from jobs.doctor.findings import Finding, unknown

#: The schemas that our tables are in.
SCHEMAS: Final = ["public", "meta", "analytics"]

_SEES_ALL: Final = "SELECT pg_has_role('pg_read_all_stats', 'USAGE'), quote_ident(current_user)"


def rows(sql: str, params: Sequence[Any] | None = None, using: str = DEFAULT_DB_ALIAS) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def one(sql: str, params: Sequence[Any] | None = None, using: str = DEFAULT_DB_ALIAS) -> tuple[Any, ...]:
    return rows(sql, params, using)[0]


def blind() -> list[Finding]:
    """Say that what others do cannot be seen, where that is so."""
    sees_all, role = one(_SEES_ALL)
    if sees_all:
        return []
    return [unknown(f"{role} sees what it does itself and nothing of others.", f"GRANT pg_monitor TO {role};")]
