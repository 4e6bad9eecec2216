"""Pages of the list of jobs: each begins behind an id of the one before, so that the last costs what the first does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

#: Where no index has what a filter asks for: the jobs that a statement looks at, and the statements of a page.
WINDOW: Final = 8_000
WINDOWS: Final = 4

_EDGES: Final = (files("jobs") / "sql" / "queries" / "job_windows.sql").read_text()
_LAST: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Page:
    """The rows that are shown, newest first, and whether there are others on either side."""

    rows: list[Any] = field(default_factory=list)
    newer: bool = False
    older: bool = False
    #: The id at which the search for more was left off: there may be others below.
    left_off: UUID | None = None

    @property
    def first(self) -> Any:
        return self.rows[0].pk if self.rows else None

    @property
    def last(self) -> Any:
        return self.rows[-1].pk if self.rows else None

    @property
    def looked_back_to(self) -> datetime | None:
        """When the job was submitted at which the search was left off."""
        return datetime.fromtimestamp((self.left_off.int >> 80) / 1000, UTC) if self.left_off else None


def read_page(rows: QuerySet[Any], size: int, *, before: UUID | None = None, after: UUID | None = None) -> Page:
    """Read the rows older than `before`, or the nearest that are newer than `after`; both None: the newest."""
    if after is not None:
        found: Sequence[Any] = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        if len(found) >= size:
            return Page(list(reversed(found[:size])), newer=len(found) > size, older=True)
        # What is newest is shown as a whole page.
        before = None
    found = list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[: size + 1])
    return Page(list(found[:size]), newer=before is not None, older=len(found) > size)


def read_in_windows(rows: QuerySet[Any], size: int, before: UUID | None, lowest: UUID | None = None) -> Page:
    """Read the rows older than `before`, leaving off behind some tens of thousands that do not fit.

    `lowest` is an id below which none can fit.
    """
    found: list[Any] = []
    upper, edges = before, _edges(before or _LAST)
    over = len(edges) < WINDOWS
    for edge in [*edges, *([None] if over else [])]:
        window = rows if upper is None else rows.filter(pk__lt=upper)
        window = window if edge is None else window.filter(pk__gte=edge)
        found += window.order_by("-pk")[: size + 1 - len(found)]
        if len(found) > size:
            return Page(found[:size], newer=before is not None, older=True)
        upper = edge
        if edge is not None and lowest is not None and edge < lowest:
            over = True
            break
    return Page(found, newer=before is not None, left_off=None if over else upper)


def _edges(before: UUID) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_EDGES, {"before": before, "most": WINDOW * WINDOWS, "window": WINDOW})
        return [edge for (edge,) in cursor.fetchall()]


def id_of(text: str | None) -> UUID | None:
    """Read an id of the address; anything else is the first page."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
