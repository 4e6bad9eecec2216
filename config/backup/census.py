"""Count and sum up every table, as one transaction sees it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from config.backup.manifest import Table

TABLES: Final = (Path(__file__).parent / "tables.sql").read_text(encoding="utf-8")
#: Row by row as text, which has the same form everywhere once these are set.
FORM: Final = (
    "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres'; "
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL statement_timeout = 0"
)
SUM: Final = "SELECT count(*), coalesce(sum(hashtextextended(one_row::text, 0)), 0)::text FROM ONLY {} AS one_row"

Connection = psycopg.Connection[Any]


def tables(connection: Connection) -> dict[str, Table]:
    """Describe every table of ours, without its rows."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return {row.pop("name"): Table(**row) for row in cursor.execute(TABLES).fetchall()}


def count(
    connection: Connection, described: dict[str, Table], names: Iterable[str], tick: Callable[[str], None]
) -> dict[str, Table]:
    """Add the rows and the checksum to those of the tables that hold rows. Call it inside a transaction."""
    connection.execute(FORM)
    counted = dict(described)
    for name in names:
        if not described[name].partitioned:
            # The name comes quoted out of the catalogue.
            row = connection.execute(SUM.format(name)).fetchone()
            assert row is not None
            counted[name] = replace(described[name], rows=row[0], checksum=row[1])
            tick(name)
    return counted
