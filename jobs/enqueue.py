"""Submitting jobs. One statement for one job, and one for many; part of the caller's transaction."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Final, Unpack

from django.db import connections, router, transaction

from accounts.uuid7 import uuid7
from jobs import catalogue, conf, options
from jobs.announce import announce
from jobs.catalogue import Entry
from jobs.crash_points import crash_point
from jobs.exceptions import (
    FunctionInactive,
    InvalidOption,
    InvalidPayload,
    JobError,
    NoneSubmitted,
    UnknownJobType,
)
from jobs.languages import QUEUE_PREFIX, is_foreign
from jobs.models import Job
from jobs.models.comparison import HoldsUniqueKey
from jobs.options import Options
from jobs.payloads import dump, dump_payload
from jobs.registry import JobType


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to submit: its type, payload and options."""

    job_type: str
    payload: dict[str, Any]
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A submitted job; `created` is False when its unique key belonged to an unfinished job, whose id this is."""

    id: uuid.UUID
    created: bool = True

    def fetch(self) -> Job:
        """Read the job as it is now."""
        return Job.objects.get(pk=self.id)


#: Values of one row by column, in what INSERT and JSON both take.
Row = dict[str, Any]

_PLAIN_COLUMNS: Final = (
    *("scheduled_at", "unique_key", "concurrency_key", "project_name", "hostname", "arch"),
    *("session", "request_id"),
)
#: Their values are JSON already.
_JSON_COLUMNS: Final = frozenset({"payload", "metadata"})
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode

#: Characters of rows in one statement, unless a single row is longer: payloads of many jobs can be gigabytes.
STATEMENT_MAX_LENGTH: Final = 4_000_000

_DUE_LATER: Final = {"delay": "clock_timestamp() + make_interval(secs => %s)"}


def enqueue(job_type: str, payload: dict[str, Any], **chosen: Unpack[Options]) -> Enqueued:
    """Submit one job.

    Inside `transaction.atomic()` it commits with the caller's writes, else at once. Raises UnknownJobType,
    InvalidPayload, InvalidOption or (of other languages) FunctionInactive before anything is written.
    """
    return _insert(_row(catalogue.job_type(job_type), payload, chosen))


def enqueue_many(new_jobs: Sequence[NewJob]) -> list[Enqueued]:
    """Submit many jobs, all or none; gives them in the order they came.

    Raises as enqueue does, and then nothing has been written.
    """
    catalogue.prefetch(new.job_type for new in new_jobs)
    return _insert_many([_row(catalogue.job_type(new.job_type), new.payload, new.options) for new in new_jobs])


def enqueue_each(new_jobs: Sequence[NewJob], *, all_or_none: bool = False) -> list[Enqueued | JobError]:
    """Submit those of many jobs that can be submitted; an error stands in the place of each other one.

    With `all_or_none` one error keeps all of them from being written, and NoneSubmitted is raised.
    """
    catalogue.prefetch(new.job_type for new in new_jobs)
    rows = [_row_or_error(new) for new in new_jobs]
    errors = {index: row for index, row in enumerate(rows) if isinstance(row, JobError)}
    if errors and all_or_none:
        raise NoneSubmitted(errors)
    submitted = iter(_insert_many([row for row in rows if not isinstance(row, JobError)]))
    return [errors.get(index) or next(submitted) for index in range(len(rows))]


def _row_or_error(new: NewJob) -> Row | JobError:
    try:
        return _row(catalogue.job_type(new.job_type), new.payload, new.options)
    except (UnknownJobType, FunctionInactive, InvalidPayload, InvalidOption) as error:
        return error


def _insert_many(rows: Sequence[Row]) -> list[Enqueued]:
    using = router.db_for_write(Job)
    with transaction.atomic(using=using):
        for names, group in _by_columns([row for row in rows if not _has_key(row)]).items():
            _insert_rows(names, group, using)
        crash_point("mid_bulk_submit")
        # Whoever inserts the same keys waits for us: in one order for all, or two callers wait for each other.
        unique = {row["id"]: _insert(row) for row in sorted(filter(_has_key, rows), key=_key)}
    announce({(row["queue"], row["priority"]) for row in rows}, using)
    return [unique.get(row["id"]) or Enqueued(row["id"]) for row in rows]


def _has_key(row: Row) -> bool:
    return "unique_key" in row


def _key(row: Row) -> tuple[str, str, str]:
    return row["job_type"], row["unique_key"], str(row.get("user_id"))


def _row(job_type: JobType | Entry, payload: dict[str, Any], chosen: Options) -> Row:
    text = dump_payload(payload)
    # After that: of what JSON cannot hold the schema would say puzzling things, or raise errors of its own.
    if violations := job_type.validator.violations(payload):
        raise InvalidPayload(violations)
    retries, timeout = chosen.get("max_retries", job_type.max_retries), chosen.get("timeout", job_type.timeout)
    row: Row = {
        "id": uuid7(),
        "job_type": job_type.name,
        "queue": chosen.get("queue", job_type.queue),
        "priority": chosen.get("priority", job_type.priority),
        "payload": text,
        "max_retries": conf.max_retries() if retries is None else retries,
    }
    if timeout is not None:
        row["timeout"] = timeout
    if chosen:
        options.check(chosen)
        _refuse_foreign_queue(row["queue"], job_type)
        row.update(_optional_columns(chosen))
    return row


def _refuse_foreign_queue(queue: str, job_type: JobType | Entry) -> None:
    if queue == job_type.queue:
        return
    if is_foreign(job_type.queue):
        raise InvalidOption("queue", f"must be {job_type.queue}, where the workers of the function's language look.")
    # Its workers could do nothing with the job, and ours would not look there.
    if is_foreign(queue):
        raise InvalidOption("queue", f"must not begin with {QUEUE_PREFIX}: those queues belong to other languages.")


def _optional_columns(chosen: Options) -> Row:
    given: Row = dict(chosen)
    row: Row = {name: given[name] for name in _PLAIN_COLUMNS if given.get(name)}
    if "scheduled_at" in row:
        row["scheduled_at"] = max(row["scheduled_at"], options.EARLIEST)
    if delay := chosen.get("delay"):
        row["delay"] = delay.total_seconds() if isinstance(delay, timedelta) else float(delay)
    if tags := chosen.get("tags"):
        row["tags"] = list(tags)
    if metadata := chosen.get("metadata"):
        row["metadata"] = dump(dict(metadata), options.METADATA_MAX_BYTES, "metadata")
    if user := chosen.get("user"):
        row |= {"user_id": user.pk, "user_email": user.email}
    for name in ("workspace", "parent"):
        if related := given.get(name):
            row[f"{name}_id"] = related.pk
    return row


def _insert(row: Row) -> Enqueued:
    using = router.db_for_write(Job)
    unique = _has_key(row)
    with connections[using].cursor() as cursor:
        cursor.execute(_insert_sql(tuple(row), unique), list(row.values()))
        if unique and cursor.fetchone() is None:
            jobs = Job.objects.using(using)
            holder = jobs.unfinished_with_key(row["job_type"], row["unique_key"], row.get("user_id"))
            # The holder may have finished between the two statements: then the key is free.
            return Enqueued(holder, created=False) if holder else _insert(row)
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
