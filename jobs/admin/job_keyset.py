"""Pages of the list of jobs: each begins behind an id of the one before, so that the last costs what the first does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Page:
    """The rows that are shown, newest first, and whether there are others on either side."""

    rows: list[Any] = field(default_factory=list)
    newer: bool = False
    older: bool = False

    @property
    def first(self) -> Any:
        return self.rows[0].pk if self.rows else None

    @property
    def last(self) -> Any:
        return self.rows[-1].pk if self.rows else None


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


def id_of(text: str | None) -> UUID | None:
    """Read an id of the address; anything else is the first page."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
