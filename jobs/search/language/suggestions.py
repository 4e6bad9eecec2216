"""What may have been meant by a name or a value that there is not."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from jobs.search.language.fields import METADATA_PREFIX, NAMES

_METADATA: Final = METADATA_PREFIX.rstrip(".")
#: Names longer than this are like none that there is.
_LONGEST: Final = 64


def names_like(name: str) -> tuple[str, ...]:
    """Give the fields that a name may stand for, the likeliest first; at last the key of metadata of that name."""
    if len(name) > _LONGEST:
        return ()
    head, dot, path = name.partition(".")
    if dot:
        if path and _close(head, [_METADATA, "meta", "data"], 0.6):
            return (METADATA_PREFIX + path,)
        # A key of metadata that has keys of its own: `docker.image`.
        return (METADATA_PREFIX + name,) if head and path else ()
    found = [NAMES[like].name for like in _close(name, NAMES, 0.65)]
    # What begins alike is meant as well: `create` is near to created_at, `err` to error_message.
    if len(name) >= 3:
        found += [field.name for typed, field in NAMES.items() if typed.startswith(name.lower())]
    if not found and name.isidentifier():
        return (METADATA_PREFIX + name,)
    return tuple(dict.fromkeys(found))[:3]


def values_like(value: str, choices: Iterable[str]) -> tuple[str, ...]:
    """Give the choices that a value may stand for."""
    choices = list(choices)
    begin_alike = [choice for choice in choices if value and choice.startswith(value.lower())]
    return tuple(dict.fromkeys(begin_alike + _close(value, choices, 0.6)))[:3]


def _close(text: str, among: Iterable[str], likeness: float) -> list[str]:
    return get_close_matches(text.lower()[:_LONGEST].replace("-", "_"), list(among), n=3, cutoff=likeness)
