"""What is asked of a search, and what the answer to it is; whoever gives it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.search.language.fields import FIELDS, FREE_TEXT, Field
from jobs.search.language.tree import And, Contains, Is, Node, Not, Or
from jobs.search.sorting import NEWEST, Place, Sort

#: So many hits are counted; of more it is said that there are at least so many.
MOST_COUNTED: Final = 10_000
#: Values that a facet names, the most frequent first.
MOST_VALUES: Final = 20

#: A condition on one field, or on the texts of several.
Condition = Any


class Source(StrEnum):
    """Who found the jobs."""

    ENGINE = "elasticsearch"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True)
class Asked:
    """A search. Unless the query names is_deleted, deleted jobs are left out."""

    #: As parsed; references are resolved when it is answered.
    tree: Node
    sort: Sort = NEWEST
    #: Only what comes behind this place, or before it.
    after: Place | None = None
    limit: int = 50
    #: Names of fields whose values are to be counted.
    facets: tuple[str, ...] = ()
    #: Whether everybody's jobs are meant; else those of the one who asks.
    see_all: bool = False
    #: What is to be read of the jobs that are found, as `only()` takes it; empty is everything.
    columns: tuple[str, ...] = ()
    highlights: bool = True

    @property
    def backwards(self) -> bool:
        return self.after is not None and self.after.backwards


@dataclass(frozen=True, slots=True)
class Total:
    value: int
    #: False: there are at least so many.
    exact: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """How often each value of a field occurs among the hits, the most frequent first."""

    values: tuple[tuple[str | int, int], ...]
    #: There are more values than these.
    more: bool = False
    #: Only so many of the newest hits were counted; None is all of them.
    newest: int | None = None


@dataclass(frozen=True, slots=True)
class Highlight:
    """Why a job was found: a piece of a text of it, plain and not escaped, and the parts of the piece that match."""

    #: A field of the language, such as error_message or metadata.host.name.
    field: str
    text: str
    #: Beginning and end of each part, in characters of `text`.
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer. Every job in it was read from PostgreSQL under the rights of whoever asked, and fits the query."""

    jobs: list[Job]
    source: Source
    #: An engine is configured, and it did not answer.
    degraded: bool
    #: All changes that were made until then are in the answer.
    as_of: datetime
    total: Total
    facets: dict[str, Facet] = field(default_factory=dict)
    highlights: dict[UUID, list[Highlight]] = field(default_factory=dict)
    #: Where the next page begins, and the one before; None where there is none.
    after: Place | None = None
    before: Place | None = None


def conditions(node: Node, negated: bool = False) -> Iterator[tuple[Condition, bool]]:
    """Give each condition of the tree, and whether it is one that must not be met."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from conditions(part, negated)
    elif isinstance(node, Not):
        yield from conditions(node.part, not negated)
    else:
        yield node, negated


def names(node: Node, field_name: str) -> bool:
    """Tell whether the query says anything of this field."""
    return any(condition.field is not None and condition.field.name == field_name for condition, _ in conditions(node))


def columns_of(node: Node) -> set[str]:
    """Name the columns that have to be read to tell whether a job fits."""
    found: set[str] = set()
    for condition, _ in conditions(node):
        if isinstance(condition, Contains) and condition.field is None:
            found.update({"metadata", *(column_of(FIELDS[name]) for name in FREE_TEXT)})
        else:
            found.add(column_of(condition.field))
    return found


def column_of(of: Field) -> str:
    return of.column.partition("__")[0]


def without_deleted(node: Node) -> Node:
    """Leave out deleted jobs, unless the query says which of them it wants."""
    if names(node, "is_deleted"):
        return node
    return And((node, Is(FIELDS["is_deleted"], False)))


def jobs_of(asked: Asked, user: Any) -> JobQuerySet:
    """Give the jobs that may be found, before anything is looked for."""
    return Job.objects.all() if asked.see_all else Job.objects.owned_by(user)
