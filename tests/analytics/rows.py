"""Rows of the logs, as the recorder leaves them: the id begins with the time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import getrandbits
from typing import Any
from uuid import UUID

from django.db import connections, router

from accounts.uuid7 import first_uuid7
from analytics.models import ErrorLog, RequestLog


@dataclass(frozen=True)
class Failure:
    """A failed attempt, so long after its request."""

    error_code: str
    after: timedelta = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Request:
    timestamp: datetime
    language_title: str = "python-summarize"
    user_id: str = "alice"
    status_code: int = 200
    duration_ms: int = 10
    cached: bool = False
    runtime_metrics: dict[str, float] | None = None
    failures: Sequence[Failure] = field(default=())

    def at(self, timestamp: datetime) -> "Request":
        return replace(self, timestamp=timestamp)


def new_id(timestamp: datetime) -> UUID:
    """Make an id of that time."""
    return UUID(int=first_uuid7(timestamp).int + getrandbits(60))


def sql(statement: str, *parameters: object) -> list[tuple]:
    """Run a statement where the logs are; give its rows."""
    with connections[router.db_for_write(RequestLog)].cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def named(statement: str, *parameters: object) -> list[dict[str, Any]]:
    """Run a query where the logs are; give its rows with the names of their columns."""
    with connections[router.db_for_write(RequestLog)].cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def lay(requests: Iterable[Request], partitions: bool = True) -> list[UUID]:
    """Write requests and their errors into the logs; gives the requests' ids."""
    requests = list(requests)
    if partitions:
        for month in {(each.timestamp.year, each.timestamp.month): each.timestamp for each in requests}.values():
            sql("SELECT create_log_partitions(%s)", month)
    logs = [
        RequestLog(
            id=new_id(each.timestamp),
            request_id=f"request-{number}",
            language_title=each.language_title,
            timestamp=each.timestamp.replace(microsecond=each.timestamp.microsecond // 1000 * 1000),
            user_id=each.user_id,
            status_code=each.status_code,
            duration_ms=each.duration_ms,
            cached=each.cached,
            runtime_metrics=each.runtime_metrics,
        )
        for number, each in enumerate(requests)
    ]
    RequestLog.objects.bulk_create(logs)
    ErrorLog.objects.bulk_create(
        ErrorLog(
            request_log=log,
            request_timestamp=log.timestamp,
            timestamp=log.timestamp + failure.after,
            user_id=log.user_id,
            error_code=failure.error_code,
            error_message="it failed",
        )
        for log, each in zip(logs, requests, strict=True)
        for failure in each.failures
    )
    return [log.id for log in logs]


def roll_up(until: datetime) -> None:
    """Close the hours before this moment and roll all of them up."""
    sql("SELECT analytics.close_hours(%s)", until)
    while sql("SELECT analytics.roll_up_hours(1000)") != [(0,)]:
        pass
