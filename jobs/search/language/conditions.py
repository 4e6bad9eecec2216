"""What a value asked of a field means: one condition, by the kind of the field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from jobs.search.language import dates
from jobs.search.language.errors import QueryError
from jobs.search.language.fields import FIELDS, LEAST_OF_TEXT, Field, Kind
from jobs.search.language.literals import Literal, boolean, identifier, json_number, number, plain_text, shown
from jobs.search.language.suggestions import values_like
from jobs.search.language.tree import (
    ANY,
    EVERYTHING,
    Bound,
    Contains,
    Has,
    Is,
    Like,
    Near,
    Node,
    Or,
    Value,
    Wildcard,
    Within,
)


@dataclass(frozen=True, slots=True)
class End:
    """One end of a range as it is typed."""

    literal: Literal
    inclusive: bool


_UNORDERED: Final = frozenset({Kind.TEXT, Kind.BOOLEAN, Kind.ID, Kind.REFERENCE})


def equal_to(field: Field, literal: Literal, now: datetime) -> Node:
    """Give what `field:value` means."""
    if literal.is_star:
        return Has(field)
    return _EQUAL[field.kind](field, literal, now)


def between(field: Field, low: End | None, high: End | None, now: datetime) -> Node:
    """Give what a range or a comparison means; an end that is None is open."""
    ends = [end for end in (low, high) if end is not None]
    if not ends:
        return Has(field)
    first = ends[0].literal
    if field.kind in _UNORDERED or field.choices:
        raise first.not_allowed(f"{field.name} has no order: ask for {field.name}:value.")
    for end in ends:
        if end.literal.is_star:
            raise end.literal.refused("A comparison needs a value; that a field has any is field:*.")
    if field.kind is Kind.MOMENT:
        return _between_moments(field, low, high, now)
    lower, upper = (_bound(end, _ordered(field, ends)) for end in (low, high))
    return Within(field, lower, upper)


def near(field: Field | None, literal: Literal, degree: str, degree_start: int) -> Node:
    """Give what `field:value~1` means; without a number it is 2."""
    if field is None or field.kind is not Kind.KEYWORD:
        raise literal.not_allowed("Only fields that are compared as a whole can be asked with ~, as hostname:bild~1.")
    if literal.has_wildcards:
        raise literal.not_allowed("A value has wildcards or a ~, not both.")
    if degree not in ("", "1", "2"):
        raise QueryError("bad-value", "Behind ~ stands how many characters may differ: 1 or 2.", degree_start)
    return Near(field, _cased(field, plain_text(literal)), int(degree or 2))


def anywhere(literal: Literal) -> Node:
    """Give what a word or a phrase without a field means."""
    return EVERYTHING if literal.is_star else Contains(None, _piece(literal))


def _keyword(field: Field, literal: Literal, _: datetime) -> Node:
    if literal.has_wildcards:
        return _like(field, literal)
    text = _cased(field, plain_text(literal))
    if field.choices and text not in field.choices:
        suggestions = values_like(text, field.choices)
        raise literal.refused(f"{field.name} is one of {', '.join(field.choices)}.", suggestions)
    return Is(field, text)


def _like(field: Field, literal: Literal) -> Node:
    plain_text(literal)
    pattern = tuple(_cased(field, piece) if isinstance(piece, str) else piece for piece in literal.pattern)
    if pattern == (ANY,):
        return Has(field)
    if isinstance(pattern[0], Wildcard):
        _check_leading(field, literal, pattern)
    return Like(field, pattern)


def _check_leading(field: Field, literal: Literal, pattern: tuple[str | Wildcard, ...]) -> None:
    if not field.reversed:
        others = ", ".join(other.name for other in FIELDS.values() if other.reversed)
        raise literal.not_allowed(f"A value of {field.name} cannot begin with a wildcard; one of these can: {others}.")
    if pattern[0] is not ANY:
        raise literal.not_allowed("A value can begin with *, but not with ?.")
    if any(isinstance(piece, Wildcard) for piece in pattern[1:]):
        raise literal.not_allowed("A value that begins with * has no other wildcard.")


def _text(field: Field, literal: Literal, _: datetime) -> Node:
    return Contains(field, _piece(literal))


def _piece(literal: Literal) -> str:
    """Give what is looked for in texts: pieces are found wherever they stand, so a * around them says nothing new."""
    plain_text(literal)
    pieces = [piece for piece in literal.pattern if piece is not ANY]
    inner = literal.pattern[1:-1] if len(literal.pattern) > 1 else ()
    if len(pieces) != 1 or not isinstance(pieces[0], str) or ANY in inner:
        raise literal.not_allowed("Pieces of text have no wildcards in them: ask for each piece by itself.")
    if len(pieces[0]) < LEAST_OF_TEXT:
        least = f"look for {LEAST_OF_TEXT} characters or more, and quote what has a space in it"
        raise literal.refused(f"{shown(literal)} is too short: {least}.")
    return pieces[0]


def _number(field: Field, literal: Literal, _: datetime) -> Node:
    return Is(field, number(literal))


def _boolean(field: Field, literal: Literal, _: datetime) -> Node:
    return Is(field, boolean(literal))


def _id(field: Field, literal: Literal, _: datetime) -> Node:
    return Is(field, identifier(literal))


def _reference(field: Field, literal: Literal, _: datetime) -> Node:
    if literal.has_wildcards:
        raise literal.not_allowed(f"{field.name} is asked by a whole name, without wildcards.")
    return Is(field, plain_text(literal))


def _moment(field: Field, literal: Literal, now: datetime) -> Node:
    start, end = _period(literal, now)
    return Within(field, Bound(start, True), _before(end))


def _metadata(field: Field, literal: Literal, _: datetime) -> Node:
    """A bare word is the text, and also the number or the boolean that it reads like."""
    if literal.has_wildcards:
        return _like(field, literal)
    text = plain_text(literal)
    value: Value | None = json_number(literal)
    if value is None and not literal.quoted:
        value = {"true": True, "false": False}.get(text)
    return Is(field, text) if value is None else Or((Is(field, text), Is(field, value)))


def _ordered(field: Field, ends: list[End]) -> Callable[[Literal], Value]:
    """Choose how the ends are read: in metadata as numbers if all of them are, else as texts."""
    if field.kind is Kind.NUMBER:
        return number
    if field.kind is Kind.METADATA and all(json_number(end.literal) is not None for end in ends):
        return number
    return _bound_text


def _bound(end: End | None, read: Callable[[Literal], Value]) -> Bound | None:
    return None if end is None else Bound(read(end.literal), end.inclusive)


def _bound_text(literal: Literal) -> str:
    if literal.has_wildcards:
        raise literal.not_allowed("The ends of a range have no wildcards.")
    return plain_text(literal)


def _between_moments(field: Field, low: End | None, high: End | None, now: datetime) -> Node:
    """A period is inside with its whole or not at all: `>2026-01` begins with February."""
    lower = upper = None
    if low is not None:
        start, end = _period(low.literal, now)
        lower = Bound(start, True) if low.inclusive else _from(end)
    if high is not None:
        start, end = _period(high.literal, now)
        upper = _before(end) if high.inclusive else Bound(start, False)
    return Within(field, lower, upper)


def _period(literal: Literal, now: datetime) -> dates.Period:
    try:
        return dates.period(literal.text, now)
    except ValueError as error:
        raise literal.refused(str(error)) from None


def _before(end: datetime | None) -> Bound:
    return Bound(_LAST, True) if end is None else Bound(end, False)


def _from(end: datetime | None) -> Bound:
    return Bound(_LAST, False) if end is None else Bound(end, True)


def _cased(field: Field, text: str) -> str:
    """Choices are written in any case."""
    return text.lower() if field.choices else text


_LAST: Final = datetime.max.replace(tzinfo=UTC)
_Reader: TypeAlias = Callable[[Field, Literal, datetime], Node]
_EQUAL: Final[Mapping[Kind, _Reader]] = {
    Kind.KEYWORD: _keyword,
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.MOMENT: _moment,
    Kind.BOOLEAN: _boolean,
    Kind.ID: _id,
    Kind.REFERENCE: _reference,
    Kind.METADATA: _metadata,
}
