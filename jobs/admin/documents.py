"""JSON as people read and edit it: pretty, capped, compared line by line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import F, TextField
from django.db.models.functions import Cast, Left

from jobs.catalogue import secrets_of
from jobs.secret_fields import MASK, hide, hide_edit

#: Characters of a document that a page shows.
SHOWN: Final = 65_536
#: Characters that are read at all; the queue's own limits are below this, SQL may have put in more.
READ: Final = 1_100_000
#: Lines that are compared by their likeness; beyond that it would take too long.
COMPARED: Final = 2_000


def as_text(column: str) -> Left:
    """Read a JSON column as text, so that a value that Python cannot take does not hide the row."""
    return Left(Cast(F(column), TextField()), READ)


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON text ready to be shown: pretty if it can be read, cut if it is long."""

    text: str
    size: int
    cut: bool
    readable: bool
    #: Something in it is masked.
    secrets: bool = False


def show(text: str | None, job_type: str | None = None) -> Document | None:
    """Prepare JSON text of the database for a page; None stays None.

    It is a payload of the job type, if there is one: what that marks as secret is hidden, and so is a text in which
    nobody can tell what is.
    """
    if text is None or text == "null":
        return None
    try:
        value = json.loads(text)
        hidden = value if job_type is None else hide(value, job_type)
        return _document(pretty(hidden), text, secrets=hidden is not value and hidden != value)
    except (ValueError, RecursionError):
        secrets = job_type is not None and secrets_of(job_type).exist
        return _document(MASK if secrets else text, text, readable=False, secrets=secrets)


def _document(shown: str, text: str, *, readable: bool = True, secrets: bool = False) -> Document:
    return Document(shown[:SHOWN], len(text), len(shown) > SHOWN, readable, secrets)


def value(text: str | None) -> Any:
    """Read JSON text of the database; what Python cannot take is None."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def parse(text: str) -> dict[str, Any]:
    """Read an object that a person typed; ValidationError says what is wrong and where."""
    value = _read(text)
    if not isinstance(value, dict):
        raise ValidationError("A payload is an object: it begins with { and ends with }.")
    return value


def parse_any(text: str) -> Any:
    """Read any JSON that a person typed, None when they typed nothing; ValidationError says what is wrong and where."""
    return _read(text) if text.strip() else None


def _read(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValidationError(f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"This cannot be stored: {error}.") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return value


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison: same, added, removed or skipped (so many equal lines left out)."""

    kind: str
    text: str
    before: int | None = None
    after: int | None = None


def compare(before: str, after: str, around: int = 3) -> list[Line]:
    """Compare two pretty documents line by line; long runs of equal lines are left out."""
    # Not splitlines(): that would also cut at U+2028 and others, which stand inside JSON texts.
    return list(_folded(list(_lines(before.split("\n"), after.split("\n"))), around))


def compare_payloads(before: Any, after: Any, job_type: str) -> list[Line]:
    """Compare two payloads of a job type; of a secret only that it has changed is told."""
    return compare(pretty(hide(before, job_type)), pretty(hide_edit(after, before, job_type)))


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    for tag, i1, i2, j1, j2 in _opcodes(old, new):
        if tag == "equal":
            for offset in range(i2 - i1):
                yield Line("same", old[i1 + offset], i1 + offset + 1, j1 + offset + 1)
            continue
        for number in range(i1, i2):
            yield Line("removed", old[number], before=number + 1)
        for number in range(j1, j2):
            yield Line("added", new[number], after=number + 1)


def _opcodes(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    if len(old) + len(new) > COMPARED and old != new:
        head = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        tail = next(
            (i for i, (a, b) in enumerate(zip(reversed(old[head:]), reversed(new[head:]), strict=False)) if a != b),
            min(len(old), len(new)) - head,
        )
        return [
            ("equal", 0, head, 0, head),
            ("replace", head, len(old) - tail, head, len(new) - tail),
            ("equal", len(old) - tail, len(old), len(new) - tail, len(new)),
        ]
    return list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def _folded(lines: list[Line], around: int) -> Iterator[Line]:
    changed = [number for number, line in enumerate(lines) if line.kind != "same"]
    near = {n for number in changed for n in range(number - around, number + around + 1)}
    skipped = 0
    for number, line in enumerate(lines):
        if number in near:
            if skipped:
                yield Line("skipped", f"{skipped} equal lines")
                skipped = 0
            yield line
        else:
            skipped += 1
    if skipped:
        yield Line("skipped", f"{skipped} equal lines")
