"""The jobs that the list finds, as a file: streamed, a thousand at a time, so that neither side holds them all."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.timezone import now

from accounts.row_security import acting_as
from jobs.models import AuditEntry, Job
from jobs.models.statement_limit import statement_limit
from jobs.secret_fields import hide

MOST: Final = 100_000
AT_ONCE: Final = 1_000
#: For the next thousand; a list that takes longer is cut off, which whoever downloads it notices.
SECONDS: Final = 30.0

TYPES: Final = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
COLUMNS: Final = (
    *("id", "job_type", "status", "queue", "priority", "attempt", "max_retries", "created_at", "scheduled_at"),
    *("started_at", "completed_at", "failed_at", "user_email", "project_name", "hostname", "arch", "tags"),
    *("error_message", "request_id", "payload", "result", "metadata"),
)

#: Programs for tables take what begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: What a file says at its end when there are more.
_MORE: Final = "There are more: only the newest {most} are here."


def export(rows: QuerySet[Any], form: str, user: Any, words: str) -> StreamingHttpResponse:
    """Begin the file, and leave an entry in the audit log that says what was taken."""
    AuditEntry.objects.create(
        actor=user,
        actor_name=str(user),
        action="export",
        target_type="job",
        target_id="",
        details={"format": form, "query": words, "most": MOST},
    )
    write = _csv if form == "csv" else _ndjson
    response = StreamingHttpResponse(write(_chunks(rows, user)), content_type=TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="jobs-{now():%Y%m%d-%H%M%S}.{form}"'
    response["Cache-Control"] = "no-store"
    return response


def _chunks(rows: QuerySet[Any], user: Any) -> Iterator[list[dict[str, Any]] | None]:
    """Give the rows, newest first and a few at a time; at last None, if there are more than are given."""
    # The request's own transaction is over when these are read, and with it whom it acted as.
    rows = Job.objects.filter(pk__in=rows.order_by().values("pk")) if rows.query.combinator else rows
    last: UUID | None = None
    for _number in range(MOST // AT_ONCE):
        with acting_as(user), statement_limit(SECONDS):
            page = rows if last is None else rows.filter(pk__lt=last)
            found = list(page.order_by("-pk").values(*COLUMNS)[:AT_ONCE])
        if found:
            last = found[-1]["id"]
            yield [_masked(row) for row in found]
        if len(found) < AT_ONCE:
            return
    yield None


def _masked(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "payload": hide(row["payload"], row["job_type"])}


def _ndjson(chunks: Iterator[list[dict[str, Any]] | None]) -> Iterator[str]:
    for chunk in chunks:
        if chunk is None:
            yield json.dumps({"more": _MORE.format(most=f"{MOST:,}")}) + "\n"
        else:
            yield "".join(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n" for row in chunk)


def _csv(chunks: Iterator[list[dict[str, Any]] | None]) -> Iterator[str]:
    yield ",".join(COLUMNS) + "\r\n"
    for chunk in chunks:
        if chunk is None:
            yield _MORE.format(most=f"{MOST:,}") + "\r\n"
            continue
        text = io.StringIO()
        csv.writer(text).writerows([_cell(row[name]) for name in COLUMNS] for row in chunk)
        yield text.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        value = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    elif hasattr(value, "isoformat"):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
