"""Queries in the words of Elasticsearch and OpenSearch, to be answered as filters: who fits, and not how well.

Only clauses that both products have had for many versions and that need no settings of a cluster.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import singledispatch
from typing import Any, Final, cast

from jobs.search.encoding import BEHIND, BOOLEANS, BREAK, NUMBERS, STRINGS, entry, micros, pairs, prefix
from jobs.search.language.fields import Field, Kind
from jobs.search.language.tree import (
    ANY,
    And,
    Bound,
    Contains,
    Has,
    Is,
    Like,
    Near,
    Node,
    Not,
    Or,
    Value,
    Wildcard,
    Within,
)
from jobs.search.mapping import METADATA, TEXT, property_of, reversed_of
from jobs.search.numbers import whole_bounds

Clause = dict[str, Any]

EVERY: Final[Clause] = {"match_all": {}}
NONE: Final[Clause] = {"match_none": {}}
#: Texts that are looked through for a near one; the engine's own limit of 50 would leave out hits.
_NEAR: Final = 1_000


@singledispatch
def as_dsl(node: Node) -> Clause:
    """Give the clause of the engine's query language that a tree means."""
    raise TypeError(f"{node!r} is no query")


@as_dsl.register
def _(node: And) -> Clause:
    wanted = [as_dsl(part) for part in node.parts if not isinstance(part, Not)]
    unwanted = [as_dsl(part.part) for part in node.parts if isinstance(part, Not)]
    clauses = {"filter": wanted, "must_not": unwanted}
    return {"bool": {name: each for name, each in clauses.items() if each}} if node.parts else EVERY


@as_dsl.register
def _(node: Or) -> Clause:
    return _any([as_dsl(part) for part in node.parts])


@as_dsl.register
def _(node: Not) -> Clause:
    return {"bool": {"must_not": [as_dsl(node.part)]}}


@as_dsl.register
def _(node: Is) -> Clause:
    name, value = property_of(node.field), node.value
    if value == "":
        return NONE
    if node.field.kind is Kind.NUMBER:
        low, high = whole_bounds(Bound(value, True), Bound(value, True))
        return _term(name, low) if low == high else NONE
    return _term(name, _written(node.field, value))


@as_dsl.register
def _(node: Within) -> Clause:
    field = node.field
    if field.kind is Kind.NUMBER:
        low, high = whole_bounds(node.low, node.high)
        return _range(field.name, {"gte": low, "lte": high}) if low <= high else NONE
    bounds = {
        **({"gte" if node.low.inclusive else "gt": _written(field, node.low.value)} if node.low else {}),
        **({"lte" if node.high.inclusive else "lt": _written(field, node.high.value)} if node.high else {}),
    }
    if field.kind is Kind.METADATA:
        # The list has other paths and types too: an open end ends with its own.
        start = prefix(_type_of(cast(Bound, node.low or node.high).value), field.path)
        bounds = {**({} if node.low else {"gte": start}), **({} if node.high else {"lt": _end(start)}), **bounds}
    return _range(property_of(field), bounds)


@as_dsl.register
def _(node: Like) -> Clause:
    field, pattern = node.field, node.pattern
    ahead = prefix(STRINGS, field.path) if field.kind is Kind.METADATA else ""
    if len(pattern) == 1 and pattern[0] == ANY:
        return _prefix(METADATA, ahead) if ahead else as_dsl(Has(field))
    if pattern and pattern[-1] == ANY and (start := _plain(pattern[:-1])) is not None:
        return _prefix(property_of(field), ahead + start)
    if field.reversed and pattern and pattern[0] == ANY and (end := _plain(pattern[1:])) is not None:
        return _prefix(reversed_of(field), end[::-1])
    return {"wildcard": {property_of(field): {"value": _escaped(ahead) + "".join(map(_wild, pattern))}}}


@as_dsl.register
def _(node: Contains) -> Clause:
    names = ["error_message", TEXT] if node.field is None else [property_of(node.field)]
    return _any([{"match_phrase": {name: {"query": pairs(node.text)}}} for name in names])


@as_dsl.register
def _(node: Has) -> Clause:
    if node.field.kind is Kind.METADATA:
        return _any([_prefix(METADATA, prefix(kind, node.field.path)) for kind in (STRINGS, NUMBERS, BOOLEANS)])
    return {"exists": {"field": property_of(node.field)}}


@as_dsl.register
def _(node: Near) -> Clause:
    asked = {"value": node.value, "fuzziness": node.distance, "max_expansions": _NEAR, "transpositions": True}
    return {"fuzzy": {property_of(node.field): asked}}


def _any(clauses: Iterable[Clause]) -> Clause:
    """Any of them; values of one property are looked for at once."""
    terms: dict[str, list[Any]] = {}
    others = []
    for clause in clauses:
        if "terms" in clause:
            for name, values in clause["terms"].items():
                terms.setdefault(name, []).extend(values)
        elif clause != NONE:
            others.append(clause)
    should = [*({"terms": {name: values}} for name, values in terms.items()), *others]
    if len(should) < 2:
        return should[0] if should else NONE
    return {"bool": {"should": should, "minimum_should_match": 1}}


def _term(name: str, value: Any) -> Clause:
    return {"terms": {name: [value]}}


def _range(name: str, bounds: dict[str, Any]) -> Clause:
    return {"range": {name: bounds}}


def _prefix(name: str, start: str) -> Clause:
    return {"prefix": {name: {"value": start}}}


def _written(field: Field, value: Value) -> Any:
    if isinstance(value, datetime):
        return micros(value)
    if field.kind is Kind.METADATA:
        return entry(field.path, cast("str | Decimal | bool", value))
    return value if isinstance(value, str | bool) else str(value)


def _type_of(value: Value) -> str:
    return BOOLEANS if isinstance(value, bool) else STRINGS if isinstance(value, str) else NUMBERS


def _end(start: str) -> str:
    return start.removesuffix(BREAK) + BEHIND


def _plain(pattern: tuple[str | Wildcard, ...]) -> str | None:
    """Give the text that a pattern is; None if there are wildcards in it."""
    return None if any(isinstance(part, Wildcard) for part in pattern) else "".join(cast("tuple[str, ...]", pattern))


def _wild(part: str | Wildcard) -> str:
    return ("*" if part.several else "?") if isinstance(part, Wildcard) else _escaped(part)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
