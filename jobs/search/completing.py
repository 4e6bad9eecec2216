"""What a query may go on with at the place where somebody types: names of fields, and values that there are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from jobs.search import known_values
from jobs.search.cursor_context import Typed, typed_at
from jobs.search.language import writing
from jobs.search.language.fields import FIELDS, METADATA_PREFIX, NAMES, Field, Kind, metadata_field

#: Longer queries are refused anyway.
_LONGEST: Final = 2048
MOST: Final = 12
_EXISTS: Final = "_exists_"


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that goes in the place of what stands between two positions of the query."""

    text: str
    start: int
    end: int
    #: What is shown of it.
    label: str
    help: str = ""


def complete(text: str, position: int, user: Any) -> list[Completion]:
    """Give what may stand at the position, the likeliest first; values are those that the user may see.

    Fixed choices are complete; of free values those are offered that the engine, or a look at the newest jobs, knows.
    """
    if len(text) > _LONGEST or "\x00" in text:
        return []
    typed = typed_at(text, position)
    if typed.field is None:
        return [] if typed.quoted else list(_first(_names(typed, user)))
    if typed.field == _EXISTS:
        return list(_first(_names(typed, user, colon="")))
    field = field_called(typed.field)
    return list(_first(_values(field, typed, user))) if field else []


def field_called(name: str) -> Field | None:
    if name.startswith(METADATA_PREFIX):
        keys = tuple(name.removeprefix(METADATA_PREFIX).split("."))
        return metadata_field(keys) if all(keys) else None
    return NAMES.get(name)


def _first(found: Iterable[Completion]) -> Iterator[Completion]:
    for completion, _ in zip(found, range(MOST), strict=False):
        yield completion


def _names(typed: Typed, user: Any, colon: str = ":") -> Iterator[Completion]:
    """Give the fields whose name or other name begins so, then those that have it inside."""
    if typed.beginning.startswith(METADATA_PREFIX):
        for path in known_values.metadata_paths(typed.beginning.removeprefix(METADATA_PREFIX), user):
            name = writing.name(metadata_field(path))
            yield Completion(name + colon, typed.start, typed.end, name, "In the metadata of new jobs.")
        return
    beginning = typed.beginning.lower()
    names = {field.name: (field.name, *field.aliases) for field in FIELDS.values()}
    heads = [name for name, all_of in names.items() if any(other.startswith(beginning) for other in all_of)]
    inside = [name for name, all_of in names.items() if any(beginning in other for other in all_of)]
    for name in dict.fromkeys([*heads, *inside]):
        yield Completion(name + colon, typed.start, typed.end, name, FIELDS[name].help)
    if METADATA_PREFIX.startswith(beginning):
        yield Completion(METADATA_PREFIX, typed.start, typed.end, "metadata.…", "A value of the job's metadata.")


def _values(field: Field, typed: Typed, user: Any) -> Iterator[Completion]:
    if field.kind is Kind.MOMENT:
        yield from _moments(typed)
        return
    for value, words in known_values.known_values(field, typed.beginning, user):
        written = writing.quoted(value) if typed.quoted else writing.word(value)
        yield Completion(written, typed.start, typed.end, value, words)


def _moments(typed: Typed) -> Iterator[Completion]:
    sign = "" if typed.compared else ">="
    for value, words in known_values.MOMENTS.items():
        if value.startswith(typed.beginning):
            yield Completion(sign + value, typed.start, typed.end, sign + value, words if sign else words.lower())


def condition(field: str, value: str) -> str:
    """Write the condition that a field has a value, as somebody would type it."""
    return f"{field}:{writing.word(value)}"
