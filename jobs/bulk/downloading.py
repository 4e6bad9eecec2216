"""The rows that an operation could not act on, as a file of any length, a piece at a time."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.http import StreamingHttpResponse

from accounts.row_security import acting_as
from jobs.models import BulkItem

AT_ONCE: Final = 1_000
COLUMNS: Final = ("target_id", "outcome", "reason", "at")
#: What a spreadsheet would take for a formula.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


#: Of the files, by their endings.
MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


def download(operation: UUID, user: Any, ending: str) -> StreamingHttpResponse:
    """Answer with a table that spreadsheets read, or a JSON object on each line."""
    content = (_csv if ending == "csv" else _ndjson)(operation, user)
    response = StreamingHttpResponse(content, content_type=MEDIA_TYPES[ending])
    response["Content-Disposition"] = f'attachment; filename="failures-{operation}.{ending}"'
    return response


def _csv(operation: UUID, user: Any) -> Iterator[str]:
    yield ",".join(COLUMNS) + "\r\n"
    for rows in _pieces(operation, user):
        piece = io.StringIO()
        csv.writer(piece).writerows([[_cell(value) for value in _plain(row)] for row in rows])
        yield piece.getvalue()


def _ndjson(operation: UUID, user: Any) -> Iterator[str]:
    for rows in _pieces(operation, user):
        yield "".join(json.dumps(dict(zip(COLUMNS, _plain(row), strict=True))) + "\n" for row in rows)


def _pieces(operation: UUID, user: Any) -> Iterator[list[Any]]:
    """Read so many at a time, each in a transaction of its own: the answer is sent when the request's is over."""
    after = None
    while True:
        items = BulkItem.objects.filter(operation_id=operation).order_by("id")
        with acting_as(user):
            rows = list((items.filter(id__gt=after) if after else items).values_list("id", *COLUMNS)[:AT_ONCE])
        if not rows:
            return
        after = rows[-1][0]
        yield [row[1:] for row in rows]


def _plain(row: Any) -> list[str]:
    target, outcome, reason, at = row
    return [str(target), outcome, reason, at.isoformat()]


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text
