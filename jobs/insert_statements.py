"""The INSERTs of new jobs: the narrowest for one row, and one for many."""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.db import connections

from jobs.new_job import Row

#: Their values are JSON already.
_JSON_COLUMNS: Final = frozenset({"payload", "metadata"})
#: What a row says in seconds from now, and the column whose time that is.
_FROM_NOW: Final = {"delay": "scheduled_at", "unique_for": "unique_until", "expires_in": "expires_at"}
#: Said to the statement, not to the table.
_NOT_COLUMNS: Final = frozenset({"unique_mode"})
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode

#: Characters of rows in one statement, unless a single row is longer: payloads of many jobs can be gigabytes.
STATEMENT_MAX_LENGTH: Final = 4_000_000

#: What a statement returned.
Returned = list[tuple[Any, ...]]


def insert_one(row: Row, using: str, suffix: str = "") -> Returned:
    """Add one row; the suffix says what becomes of conflicts, and what is returned."""
    values = [value for name, value in row.items() if name not in _NOT_COLUMNS]
    with connections[using].cursor() as cursor:
        cursor.execute(_insert_sql(_names(row), suffix), values)
        return cursor.fetchall() if suffix else []


def insert_alike(rows: Sequence[Row], using: str, suffix: str = "") -> Returned:
    """Add rows that have the same columns, in the order given, in as few statements as their length allows."""
    # Not COPY, which would be a little faster: PostgreSQL refuses it to all whom row-level security binds.
    names = _names(rows[0])
    returned: Returned = []
    with connections[using].cursor() as cursor:
        if later := _FROM_NOW.keys() & set(names):
            cursor.execute("SELECT clock_timestamp()")
            (now,) = cursor.fetchone()
            rows = [{**row, **{name: now + timedelta(seconds=row[name]) for name in later}} for row in rows]
        for statement in _statements(rows):
            cursor.execute(_insert_alike_sql(names, suffix), [f"[{','.join(statement)}]"])
            returned += cursor.fetchall() if suffix else []
    return returned


def _names(row: Row) -> tuple[str, ...]:
    return tuple(name for name in row if name not in _NOT_COLUMNS)


@cache
def _insert_sql(names: tuple[str, ...], suffix: str) -> str:
    """The narrowest INSERT: Django's would send every column of the model."""
    columns = ", ".join(_FROM_NOW.get(name, name) for name in names)
    from_now = "clock_timestamp() + make_interval(secs => %s)"
    values = ", ".join(from_now if name in _FROM_NOW else "%s" for name in names)
    return f"INSERT INTO job_queue ({columns}) VALUES ({values}){suffix}"  # noqa: S608 - names are ours


@cache
def _insert_alike_sql(names: tuple[str, ...], suffix: str) -> str:
    columns = ", ".join(_FROM_NOW.get(name, name) for name in names)
    rows = "json_populate_recordset(NULL::job_queue, %s)"
    return f"INSERT INTO job_queue ({columns}) SELECT {columns} FROM {rows}{suffix}"  # noqa: S608 - names are ours


def _statements(rows: Sequence[Row]) -> Iterator[list[str]]:
    """Cut the rows, as JSON objects, into what one statement takes."""
    texts: list[str] = []
    size = 0
    for text in map(_json, rows):
        if texts and size + len(text) > STATEMENT_MAX_LENGTH:
            yield texts
            texts, size = [], 0
        texts.append(text)
        size += len(text)
    yield texts


def _json(row: Row) -> str:
    return "{" + ",".join([_member(name, value) for name, value in row.items() if name not in _NOT_COLUMNS]) + "}"


def _member(name: str, value: Any) -> str:
    if name in _JSON_COLUMNS:
        return f'"{name}":{value}'
    if isinstance(value, uuid.UUID):
        return f'"{name}":"{value}"'
    return f'"{_FROM_NOW.get(name, name)}":{_encode(value)}'
