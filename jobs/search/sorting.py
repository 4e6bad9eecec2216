"""The orders that jobs can be found in, and places in them: both readers go on from the same place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, QuerySet, Value

from jobs.models import Job
from jobs.models.comparison import RowAfter, RowBefore
from jobs.search.encoding import micros

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands in an order."""

    #: A priority, or the microseconds since 1970 of a moment; None in the order of ids.
    value: int | None
    id: UUID
    #: Whether what stands before it is wanted.
    backwards: bool = False

    @property
    def key(self) -> tuple[int, UUID]:
        return (self.value or 0, self.id)


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of jobs: by one column, and among equals by id, in the same direction."""

    #: As it is asked for, with `-` in front for the largest first.
    name: str
    #: None: by id alone, which is the order in which jobs were submitted, and has the indexes.
    column: str | None
    moment: bool = False

    @property
    def descending(self) -> bool:
        return self.name.startswith("-")

    @property
    def columns(self) -> tuple[str, ...]:
        """What has to be read of a job to know its place."""
        return ("id", self.column) if self.column else ("id",)

    def place_of(self, job: Job) -> Place:
        if self.column is None:
            return Place(None, job.pk)
        value = getattr(job, self.column)
        return Place(micros(value) if self.moment else value, job.pk)

    def ordered(self, jobs: QuerySet[Job], backwards: bool = False) -> QuerySet[Job]:
        sign = "-" if self.descending != backwards else ""
        return jobs.order_by(*(f"{sign}{column}" for column in reversed(self.columns)))

    def behind(self, jobs: QuerySet[Job], place: Place) -> QuerySet[Job]:
        """Keep what comes after the place in this order, or before it if it looks backwards."""
        falling = self.descending != place.backwards
        if self.column is None:
            return jobs.filter(**{f"id__{'lt' if falling else 'gt'}": place.id})
        value = Value(moment_of(place.value or 0) if self.moment else place.value)
        compare = RowBefore if falling else RowAfter
        return jobs.filter(compare(F(self.column), F("id"), value, Value(place.id)))

    def in_order(self, first: Place, second: Place, backwards: bool = False) -> bool:
        """Tell whether the second place comes strictly behind the first one."""
        falling = self.descending != backwards
        return second.key < first.key if falling else first.key < second.key

    def clause(self, backwards: bool = False) -> list[dict[str, Any]]:
        """Give what the engine is to sort by."""
        order = {"order": "desc" if self.descending != backwards else "asc"}
        return [{column: order} for column in reversed(self.columns)]

    def search_after(self, place: Place) -> list[Any]:
        return [str(place.id)] if self.column is None else [place.value, str(place.id)]

    def read(self, values: Any) -> Place:
        """Give the place that the engine says a hit stands at; raises ValueError for what is none."""
        if not isinstance(values, list) or len(values) != len(self.columns):
            raise ValueError("a hit without its sort values")
        value = values[0] if self.column else None
        if self.column and (not isinstance(value, int) or abs(value) >= 2**63):
            raise ValueError("a sort value that is no whole number")
        return Place(value, UUID(str(values[-1])))


_ALL: Final = (
    Sort("-created_at", None),
    Sort("created_at", None),
    Sort("-updated_at", "updated_at", moment=True),
    Sort("updated_at", "updated_at", moment=True),
    Sort("-priority", "priority"),
    Sort("priority", "priority"),
    Sort("-scheduled_at", "scheduled_at", moment=True),
    Sort("scheduled_at", "scheduled_at", moment=True),
)
SORTS: Final = {sort.name: sort for sort in _ALL}
NEWEST: Final = _ALL[0]


def moment_of(value: int) -> datetime:
    """Give the moment of a number of microseconds since 1970; one that Python cannot hold is the nearest that it can.

    Raises nothing, because the number may be the engine's.
    """
    try:
        return _EPOCH + value * _MICROSECOND
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if value > 0 else datetime.min.replace(tzinfo=UTC)
