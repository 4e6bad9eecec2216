"""Rows of new jobs into the table: one statement for one job, and one for many; part of the caller's transaction."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.db import connections, router, transaction

from jobs.announce import announce
from jobs.crash_points import crash_point
from jobs.models import Job
from jobs.models.comparison import HoldsUniqueKey
from jobs.new_job import Enqueued, Row

#: Their values are JSON already.
_JSON_COLUMNS: Final = frozenset({"payload", "metadata"})
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode

#: Characters of rows in one statement, unless a single row is longer: payloads of many jobs can be gigabytes.
STATEMENT_MAX_LENGTH: Final = 4_000_000

_DUE_LATER: Final = {"delay": "clock_timestamp() + make_interval(secs => %s)"}


def insert_many(rows: Sequence[Row]) -> list[Enqueued]:
    using = router.db_for_write(Job)
    with transaction.atomic(using=using):
        for names, group in _by_columns([row for row in rows if not _has_key(row)]).items():
            _insert_rows(names, group, using)
        crash_point("mid_bulk_submit")
        # Whoever inserts the same keys waits for us: in one order for all, or two callers wait for each other.
        unique = {row["id"]: insert(row) for row in sorted(filter(_has_key, rows), key=_key)}
    announce({(row["queue"], row["priority"]) for row in rows}, using)
    return [unique.get(row["id"]) or Enqueued(row["id"]) for row in rows]


def _has_key(row: Row) -> bool:
    return "unique_key" in row


def _key(row: Row) -> tuple[str, str, str]:
    return row["job_type"], row["unique_key"], str(row.get("user_id"))


def insert(row: Row) -> Enqueued:
    using = router.db_for_write(Job)
    unique = _has_key(row)
    with connections[using].cursor() as cursor:
        cursor.execute(_insert_sql(tuple(row), unique), list(row.values()))
        if unique and cursor.fetchone() is None:
            jobs = Job.objects.using(using)
            holder = jobs.unfinished_with_key(row["job_type"], row["unique_key"], row.get("user_id"))
            # The holder may have finished between the two statements: then the key is free.
            return Enqueued(holder, created=False) if holder else insert(row)
    announce([(row["queue"], row["priority"])], using)
    return Enqueued(row["id"])


@cache
def _insert_sql(names: tuple[str, ...], unique: bool) -> str:
    """The narrowest INSERT: Django's would send every column of the model."""
    columns = ", ".join("scheduled_at" if name == "delay" else name for name in names)
    values = ", ".join(_DUE_LATER.get(name, "%s") for name in names)
    sql = f"INSERT INTO job_queue ({columns}) VALUES ({values})"  # noqa: S608 - names are ours
    if unique:
        sql += (
            " ON CONFLICT (job_type, unique_key, user_id)"
            f" WHERE unique_key IS NOT NULL AND {HoldsUniqueKey.template} DO NOTHING RETURNING id"
        )
    return sql


def _by_columns(rows: Sequence[Row]) -> Mapping[tuple[str, ...], list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return groups


def _insert_rows(names: tuple[str, ...], rows: list[Row], using: str) -> None:
    # Not COPY, which would be a little faster: PostgreSQL refuses it to all whom row-level security binds.
    with connections[using].cursor() as cursor:
        if "delay" in names:
            cursor.execute("SELECT clock_timestamp()")
            (now,) = cursor.fetchone()
            rows = [{**row, "delay": now + timedelta(seconds=row["delay"])} for row in rows]
        for statement in _statements(rows):
            cursor.execute(_insert_rows_sql(names), [f"[{','.join(statement)}]"])


def _statements(rows: list[Row]) -> Iterator[list[str]]:
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
    return "{" + ",".join([_member(name, value) for name, value in row.items()]) + "}"


def _member(name: str, value: Any) -> str:
    if name in _JSON_COLUMNS:
        return f'"{name}":{value}'
    if isinstance(value, uuid.UUID):
        return f'"{name}":"{value}"'
    return f'"{"scheduled_at" if name == "delay" else name}":{_encode(value)}'


@cache
def _insert_rows_sql(names: tuple[str, ...]) -> str:
    columns = ", ".join("scheduled_at" if name == "delay" else name for name in names)
    rows = "json_populate_recordset(NULL::job_queue, %s)"
    return f"INSERT INTO job_queue ({columns}) SELECT {columns} FROM {rows}"  # noqa: S608 - names are ours
