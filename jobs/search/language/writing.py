"""From what a query means back to a text of it."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from jobs.search.language.fields import Field, Kind
from jobs.search.language.literals import Literal, json_number
from jobs.search.language.tree import And, Bound, Contains, Has, Is, Like, Near, Node, Not, Or, Value, Wildcard, Within

#: Words that mean nothing but themselves, behind a field and without one.
_PLAIN: Final = re.compile(r"\w[\w.@+-]*")
_OPERATORS: Final = frozenset({"and", "or", "not"})
_TO_QUOTE: Final = re.compile(r'([\\"])')
_TO_ESCAPE: Final = re.compile(r"([^\w.@-])")


def write(node: Node) -> str:
    """Write a query that means the same as a tree that `parse` gave, moments in UTC."""
    match node:
        case And(()):
            return "*:*"
        case Or(()):
            return "NOT *:*"
        case And(parts):
            return " AND ".join(_inner(part) for part in parts)
        case Or(parts):
            return " OR ".join(_alternatives(parts))
        case Not(part):
            return f"NOT {_inner(part)}"
        case Contains(field, text):
            return word(text) if field is None else f"{name(field)}:{word(text)}"
        case Has(field):
            return f"_exists_:{name(field)}"
        case Is() | Within() | Like() | Near():
            return f"{name(node.field)}:{_asked(node)}"


def name(field: Field) -> str:
    """Give the name of a field as it is typed."""
    return ".".join(_escaped(key) for key in field.name.split("."))


def word(text: str) -> str:
    """Give a value as it is typed: in quotes, unless it is a word that means nothing but itself."""
    if _PLAIN.fullmatch(text) and text.lower() not in _OPERATORS:
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """Give a value between quotes, whatever is in it."""
    return '"' + _TO_QUOTE.sub(r"\\\1", text) + '"'


def _inner(node: Node) -> str:
    is_several = isinstance(node, And | Or) and bool(node.parts)
    return f"({write(node)})" if is_several or node == Or(()) else write(node)


def _alternatives(parts: Iterable[Node]) -> Iterator[str]:
    """Bare words in metadata are a text, and what else they read like: that is two parts, and written as one."""
    waiting: Is | None = None
    for part in parts:
        if waiting is not None and isinstance(part, Is) and part.field == waiting.field and _reads_like(waiting, part):
            yield f"{name(part.field)}:{waiting.value}"
            waiting = None
            continue
        if waiting is not None:
            yield _inner(waiting)
        waiting = part if isinstance(part, Is) and part.field.kind is Kind.METADATA else None
        if waiting is None:
            yield _inner(part)
    if waiting is not None:
        yield _inner(waiting)


def _reads_like(text: Is, other: Is) -> bool:
    if not isinstance(text.value, str) or isinstance(other.value, str):
        return False
    if isinstance(other.value, bool):
        return text.value == ("true" if other.value else "false")
    return json_number(Literal(text.value, quoted=False, start=0)) == other.value


def _asked(node: Is | Within | Like | Near) -> str:
    match node:
        case Is(field, value):
            return _equal(field, value)
        case Within(_, low, high):
            start = "[" if low is None or low.inclusive else "{"
            end = "]" if high is None or high.inclusive else "}"
            return f"{start}{_end(node.field, low)} TO {_end(node.field, high)}{end}"
        case Like(_, pattern):
            return "".join(_escaped(piece) if isinstance(piece, str) else _wildcard(piece) for piece in pattern)
        case Near(_, value, distance):
            return f"{_escaped(value)}~{distance}"


def _equal(field: Field, value: Value) -> str:
    if field.kind is Kind.METADATA and isinstance(value, Decimal):
        return f"[{value} TO {value}]"
    if field.kind is Kind.METADATA and isinstance(value, str):
        return quoted(value)
    return _value(value)


def _end(field: Field, bound: Bound | None) -> str:
    if bound is None:
        return "*"
    # In metadata only quotes tell a text that reads like a number from the number.
    return quoted(bound.value) if isinstance(bound.value, str) else _value(bound.value)


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return word(value) if isinstance(value, str) else str(value)


def _wildcard(piece: Wildcard) -> str:
    return "*" if piece.several else "?"


def _escaped(text: str) -> str:
    return _TO_ESCAPE.sub(r"\\\1", text)
