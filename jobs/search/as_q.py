"""Queries as conditions on rows of job_queue: true or false of each, never NULL, by its indexes where they serve."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from django.db.models import F, Q, TextField
from django.db.models.functions import Cast

from accounts.uuid7 import first_id_behind, first_id_since
from jobs.models.job import IN_AN_INDEX_OF_PENDING
from jobs.search.expressions import AnyText, HasPath, Source, StringAt, Test
from jobs.search.language.errors import QueryError
from jobs.search.language.fields import FIELDS, FREE_TEXT, HEAD, TEXT_HEAD, Field, Kind
from jobs.search.language.folding import fold, variants
from jobs.search.language.tree import And, Bound, Contains, Has, Is, Like, Near, Node, Not, Or, Value, Wildcard, Within
from jobs.search.numbers import whole_bounds
from jobs.statuses import Status

NONE: Final = Q(pk__in=[])
#: Not `Q()`, whose opposite is everything too.
EVERY: Final = ~NONE
#: Every text of metadata, wherever it stands.
_STRINGS: Final = 'strict $.** ? (@.type() == "string")'
#: What is written otherwise inside of JSON, in one of its variants at least.
_ESCAPED: Final = re.compile(r'[\x00-\x20"\\]+')
_TYPES: Final = {str: "string", bool: "boolean", Decimal: "number"}


def as_q(node: Node) -> Q:
    """Give the condition of a JobQuerySet that a resolved tree means; raises QueryError for what only the engine can.

    Bounds on `created_at` bound the ids too, as the lists of the API do: ids begin with the time they were made at.
    """
    return _q(node, asked_for=True)


def _q(node: Node, asked_for: bool) -> Q:
    """`asked_for` is false under a NOT, where what only names an index would be of no use."""
    match node:
        case And(parts):
            return Q(*(_q(part, asked_for) for part in parts)) if parts else EVERY
        case Or(parts):
            return _any(parts, asked_for)
        case Not(part):
            return ~_q(part, not asked_for)
        case Is(field, value):
            return _is(field, [value], asked_for)
        case Within(field, low, high):
            return _within(field, low, high, asked_for)
        case Has(field):
            return _has(field)
        case Like(field, pattern):
            return _texts(field, [("LIKE", "".join(map(_like, pattern)))])
        case Contains(field, text):
            return _contains(field, text)
        case Near(field):
            raise QueryError(
                "unsupported-in-fallback", f"{field.name}:…~ is answered by a search engine alone, and none is there."
            )


def _any(parts: Iterable[Node], asked_for: bool) -> Q:
    """Any of them; values that one column may have are asked for at once, so that its index is walked once."""
    values: dict[Field, list[Value]] = {}
    found = []
    for part in parts:
        if isinstance(part, Is):
            values.setdefault(part.field, []).append(part.value)
        else:
            found.append(_q(part, asked_for))
    found += [_is(field, wanted, asked_for) for field, wanted in values.items()]
    return _either(found)


def _either(found: Iterable[Q]) -> Q:
    conditions = tuple(found)
    return Q(*conditions, _connector=Q.OR) if conditions else NONE


def _is(field: Field, values: list[Value], asked_for: bool) -> Q:
    wanted = [value for value in values if value != ""]
    if field.name == "status" and asked_for and Status.PENDING in wanted:
        others = [value for value in wanted if value != Status.PENDING]
        pending = Q(IN_AN_INDEX_OF_PENDING, status=Status.PENDING)
        return pending | Q(status__in=others) if others else pending
    if field.kind is Kind.METADATA:
        return (
            Q(*(_at_path(field, "@ == $value", value=value) for value in wanted), _connector=Q.OR) if wanted else NONE
        )
    if field.kind is Kind.NUMBER:
        bounds = [whole_bounds(Bound(value, True), Bound(value, True)) for value in wanted]
        return Q(**{f"{field.column}__in": [low for low, high in bounds if low == high]})
    if field.kind is Kind.MOMENT:
        return _either(_within(field, Bound(each, True), Bound(each, True), asked_for) for each in wanted)
    if field.many:
        # Word for word the condition of the index.
        return ~Q(**{field.column: []}) & Q(**{f"{field.column}__overlap": wanted}) if wanted else NONE
    if "__" in field.column:
        return _either(_texts(field, [("=", str(value))]) for value in wanted)
    return Q(**{f"{field.column}__in": wanted})


def _within(field: Field, low: Bound | None, high: Bound | None, asked_for: bool) -> Q:
    if field.kind is Kind.NUMBER:
        first, last = whole_bounds(low, high)
        return Q(**{f"{field.column}__gte": first, f"{field.column}__lte": last})
    if field.kind is Kind.MOMENT:
        return _between(field, low, high, asked_for)
    tests = [*([(_above(low), low.value)] if low else []), *([(_below(high), high.value)] if high else [])]
    if field.kind is not Kind.METADATA:
        return _texts(field, cast("list[Test]", tests))
    named = {f"value{number}": value for number, (_, value) in enumerate(tests)}
    passed = [f"@ {operator} ${name}" for name, (operator, _) in zip(named, tests, strict=True)]
    return _at_path(field, " && ".join(passed), **named)


def _between(field: Field, low: Bound | None, high: Bound | None, asked_for: bool) -> Q:
    found: dict[str, Any] = {}
    by_id = asked_for and field.name == "created_at"
    if low is not None:
        found[f"{field.column}__{'gte' if low.inclusive else 'gt'}"] = low.value
        if by_id:
            found["id__gte"] = first_id_since(cast(datetime, low.value))
    if high is not None:
        found[f"{field.column}__{'lte' if high.inclusive else 'lt'}"] = high.value
        if by_id:
            found["id__lt"] = first_id_behind(cast(datetime, high.value))
    # NULL is in no range, and its opposite is true.
    return Q(**found, **{f"{field.column}__isnull": False})


def _has(field: Field) -> Q:
    if field.kind is Kind.METADATA:
        kinds = " || ".join(f'@.type() == "{kind}"' for kind in ("number", "boolean"))
        return Q(HasPath("metadata", f'{_path(field)} ? ({kinds} || (@.type() == "string" && @ != ""))'))
    if field.kind in {Kind.KEYWORD, Kind.TEXT}:
        return _texts(field, [])
    return Q(**{f"{field.column}__isnull": False})


def _contains(field: Field | None, text: str) -> Q:
    folded = fold(text)
    wanted = _piece(folded)
    if field is not None:
        return Q(AnyText(field.column, wanted, TEXT_HEAD))
    found = [AnyText(FIELDS[name].column, wanted, TEXT_HEAD) for name in FREE_TEXT]
    return Q(*found, _in_metadata(folded, wanted), _connector=Q.OR)


def _in_metadata(folded: str, wanted: list[Test]) -> Q:
    """Look for a text in every string; first for what of it JSON has as it is, which rules most jobs out for less."""
    in_strings = Q(AnyText("metadata", wanted, TEXT_HEAD, Source.PATH, _STRINGS))
    as_it_is = max(_ESCAPED.split(folded), key=len)
    if not as_it_is:
        return in_strings
    return Q(AnyText(Cast(F("metadata"), TextField()), _piece(as_it_is))) & in_strings


def _texts(field: Field, tests: list[Test]) -> Q:
    """One of the field's texts passes these tests."""
    if field.kind is Kind.METADATA:
        return Q(AnyText("metadata", tests, HEAD + 1, Source.PATH, f'{_path(field)} ? (@.type() == "string")'))
    column, _, key = field.column.partition("__")
    source = Source.ARRAY if field.many else Source.COLUMN
    return Q(AnyText(StringAt(column, key) if key else F(column), tests, HEAD + 1, source))


def _at_path(field: Field, test: str, **values: Value) -> Q:
    """One of the values below the path, of the type of those it is compared with, passes the test."""
    kind = _TYPES[type(next(iter(values.values())))]
    # A list in a list would be unwrapped by the comparison; by its type it is none of them.
    path = f'{_path(field)} ? (@.type() == "{kind}" && {test}{_NOT_EMPTY if kind == "string" else ""})'
    pairs = (f"{json.dumps(name)}: {_json(value)}" for name, value in values.items())
    return Q(HasPath("metadata", path, f"{{{', '.join(pairs)}}}"))


_NOT_EMPTY: Final = ' && @ != ""'


def _path(field: Field) -> str:
    return "$" + "".join(f".{json.dumps(key)}" for key in field.path)


def _json(value: Value) -> str:
    """As JSON, numbers to their last digit."""
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _like(part: str | Wildcard) -> str:
    if isinstance(part, Wildcard):
        return "%" if part.several else "_"
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _piece(folded: str) -> list[Test]:
    """Give the test of texts that have this one somewhere in them."""
    return [("~", "".join(map(_character, folded)))]


def _character(folded: str) -> str:
    """Give the regular expression of a character in each of its variants, all of which are letters or white space."""
    several = variants(folded)
    if len(several) > 1:
        return f"[{several}]"
    return f"\\{folded}" if folded.isascii() and not folded.isalnum() else folded


def _above(bound: Bound) -> str:
    return ">=" if bound.inclusive else ">"


def _below(bound: Bound) -> str:
    return "<=" if bound.inclusive else "<"
