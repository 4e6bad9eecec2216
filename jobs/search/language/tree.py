"""What a query means: a small tree of typed conditions, which every reader of queries goes by.

Readers are `as_q` (PostgreSQL), `as_dsl` (the engine) and `evaluation` (plain Python, the measure of the others). A
condition is true or false of a job, never unknown: what a job does not have is equal to nothing, in no range and like
no pattern, and NOT of that is true. Where a field has several values (tags, arrays in metadata), one is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from jobs.search.language.fields import Field

#: By the kind of the field: KEYWORD and REFERENCE str, NUMBER Decimal, MOMENT an aware datetime, BOOLEAN bool, ID UUID;
#: METADATA str, Decimal or bool, and compared with values of the same type alone.
Value: TypeAlias = str | Decimal | datetime | bool | UUID


@dataclass(frozen=True, slots=True)
class And:
    """All of them; of none: every job."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them; of none: no job."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


@dataclass(frozen=True, slots=True)
class Is:
    """One of the field's values equals this one. Not of TEXT."""

    field: Field
    value: Value


@dataclass(frozen=True, slots=True)
class Bound:
    value: Value
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Within:
    """One and the same of the field's values lies between the bounds; at least one bound is there.

    Texts are ordered by code points. Not of TEXT, BOOLEAN, ID and REFERENCE.
    """

    field: Field
    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, slots=True)
class Like:
    """One of the field's texts, as a whole, fits the pattern. Only KEYWORD and METADATA (its strings).

    Fields that are reversed may lead with ANY; then nothing else in the pattern is a wildcard.
    """

    field: Field
    #: Plain text, and between it Wildcards.
    pattern: tuple[str | Wildcard, ...]


@dataclass(frozen=True, slots=True)
class Wildcard:
    #: Any number of characters, also none; else exactly one.
    several: bool


#: `*` and `?`
ANY = Wildcard(several=True)
ONE = Wildcard(several=False)


@dataclass(frozen=True, slots=True)
class Contains:
    """The text is somewhere in the field, whatever the case of both.

    `field` is TEXT, or None: in any of FREE_TEXT or in a string anywhere in metadata.
    At least LEAST_OF_TEXT characters.
    """

    field: Field | None
    text: str


@dataclass(frozen=True, slots=True)
class Has:
    """The field has a value: not NULL, nor an empty text, list or JSON null."""

    field: Field


@dataclass(frozen=True, slots=True)
class Near:
    """One of the field's texts is so many edits from this one: a character added, left out, changed, or two swapped.

    Only KEYWORD, and only the engine answers it.
    """

    field: Field
    value: str
    #: 1 or 2.
    distance: int


Node: TypeAlias = And | Or | Not | Is | Within | Like | Contains | Has | Near

EVERYTHING = And(())
NOTHING = Or(())
