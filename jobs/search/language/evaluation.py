"""The query language in plain Python: whether a job fits a tree. The other readers are measured by it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from jobs.models import Job
from jobs.search.language.fields import FIELDS, FREE_TEXT, HEAD, TEXT_HEAD, Field, Kind
from jobs.search.language.folding import fold
from jobs.search.language.metadata_values import texts, values
from jobs.search.language.tree import And, Bound, Contains, Has, Is, Like, Near, Node, Not, Or, Value, Wildcard, Within

#: A tree is read with the references in it resolved.
_UNRESOLVED: Final = "A name that stands for ids is resolved before a tree is read."


def fits(node: Node, job: Job) -> bool:
    """Say whether a job fits a tree that is resolved.

    Numbers of metadata are exact if it was read with parse_float=Decimal. Of long texts so much counts as the engine
    keeps: their first TEXT_HEAD characters where pieces are looked for, else one more than the longest value asked.
    """
    match node:
        case And(parts):
            return all(fits(part, job) for part in parts)
        case Or(parts):
            return any(fits(part, job) for part in parts)
        case Not(part):
            return not fits(part, job)
        case Contains(field, text):
            return any(fold(text) in fold(found) for found in _searched(field, job))
        case _:
            return any(_fits_value(node, value) for value in values_of(node.field, job))


def values_of(field: Field, job: Job) -> Iterator[Value]:
    """Give the values that a job has of a field: none for NULL and for empty texts."""
    if field.kind is Kind.REFERENCE:
        raise ValueError(_UNRESOLVED)
    if field.kind is Kind.METADATA:
        yield from values(job.metadata, field.path)
        return
    found = _read(field, job)
    for value in found if field.many else [found]:
        if value is None or value == "":
            continue
        if field.kind is Kind.NUMBER:
            yield Decimal(value)
        elif field.kind not in (Kind.KEYWORD, Kind.TEXT) or isinstance(value, str):
            yield value


def _read(field: Field, job: Job) -> Any:
    column, *keys = field.column.split("__")
    found = getattr(job, column)
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _searched(field: Field | None, job: Job) -> Iterator[str]:
    for name in FREE_TEXT if field is None else [field.name]:
        yield from (str(value)[:TEXT_HEAD] for value in values_of(FIELDS[name], job))
    if field is None:
        yield from (text[:TEXT_HEAD] for text in texts(job.metadata))


def _fits_value(node: Is | Within | Like | Has | Near, value: Value) -> bool:
    match node:
        case Has():
            return True
        case Is(_, wanted):
            return _alike(value, wanted) and value == wanted
        case Within(_, low, high):
            return _is_above(low, value) and _is_below(high, value)
        case Like(_, pattern):
            return isinstance(value, str) and is_like(value[: HEAD + 1], pattern)
        case Near(_, wanted, distance):
            return isinstance(value, str) and edits(value, wanted, distance) <= distance


def _alike(one: Any, other: Any) -> bool:
    """True and 1 are equal in Python; values of different types never are here."""
    return type(one) is type(other)


def _is_above(low: Bound | None, value: Any) -> bool:
    if low is None:
        return True
    return _alike(value, low.value) and (value >= low.value if low.inclusive else value > low.value)


def _is_below(high: Bound | None, value: Any) -> bool:
    if high is None:
        return True
    return _alike(value, high.value) and (value <= high.value if high.inclusive else value < high.value)


def is_like(text: str, pattern: Sequence[str | Wildcard]) -> bool:
    """Say whether a text as a whole fits a pattern; takes no longer than their lengths multiplied."""
    signs = [sign for piece in pattern for sign in (piece if isinstance(piece, str) else [piece])]
    at = place = 0
    # Where to go on when what follows the last ANY does not fit: it takes one character more.
    after_any, taken = -1, 0
    while place < len(text):
        sign = signs[at] if at < len(signs) else None
        if isinstance(sign, Wildcard) and sign.several:
            after_any, taken = at + 1, place
            at += 1
        elif isinstance(sign, Wildcard) or sign == text[place]:
            at, place = at + 1, place + 1
        elif after_any >= 0:
            taken += 1
            at, place = after_any, taken
        else:
            return False
    return all(isinstance(sign, Wildcard) and sign.several for sign in signs[at:])


def edits(one: str, other: str, most: int) -> int:
    """Count the edits that part two texts, a swap of neighbours as one; of more than `most`, only that it is more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    earlier: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, earlier, row = earlier, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(earlier[j] + 1, row[j - 1] + 1, earlier[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most + 1:
            return most + 1
    return row[-1]
