"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from rest_framework.renderers import BaseRenderer

from analytics.answers import Answer

#: With one of these first, a spreadsheet takes a text for a formula, and runs it.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class CsvRenderer(BaseRenderer):
    """The rows of an answer, one line each; what stands deeper is spread over columns such as `previous_requests`."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return table(data).encode()


def table(answer: Answer) -> str:
    """Write an answer's rows as CSV (RFC 4180), headed by the names of the columns also when there is no row."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    columns = list(flatten(answer.shape))
    writer.writerow(columns)
    writer.writerows([_cell(flat.get(name)) for name in columns] for flat in map(flatten, answer.rows))
    return target.getvalue()


def flatten(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Spread objects in a row over columns of their own; percentiles have names that need no prefix."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, prefix if name == "percentiles" else f"{prefix}{name}_")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _cell(value: Any) -> Any:
    """Give a cell that no spreadsheet takes for a formula; numbers stay numbers, negative ones too."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
