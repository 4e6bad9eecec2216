"""What stands in a job's metadata, by the paths that queries name.

Paths go as PostgreSQL's jsonpath does in its lax mode: where a list stands, at a step or at the end, each of its
elements is meant; a list inside of a list is not looked into. Empty texts and nulls are no values.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, TypeAlias

from jobs.search.language.fields import HEAD

MetadataValue: TypeAlias = str | Decimal | bool

#: So many keys may lead to a value.
DEEPEST_PATH: Final = 16
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def is_path(path: tuple[str, ...]) -> bool:
    """Say whether a query can name this path: keys with a dot are none, nor are empty ones or control characters."""
    return 0 < len(path) <= DEEPEST_PATH and all(map(_is_key, path)) and len(".".join(path)) <= HEAD


def values(document: Any, path: tuple[str, ...]) -> Iterator[MetadataValue]:
    """Give what stands under a path."""
    found = [document]
    for key in path:
        found = [item[key] for item in _unwrapped(found) if isinstance(item, dict) and key in item]
    for item in _unwrapped(found):
        if (value := _value(item)) is not None:
            yield value


def entries(document: Any) -> Iterator[tuple[tuple[str, ...], MetadataValue]]:
    """Give every value that a query can name, with its path: what `values` gives for all paths together."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), document)]
    while stack:
        path, found = stack.pop()
        for item in _unwrapped([found]):
            if isinstance(item, dict):
                stack.extend(((*path, key), inner) for key, inner in item.items() if is_path((*path, key)))
            elif path and (value := _value(item)) is not None:
                yield path, value


def texts(document: Any) -> Iterator[str]:
    """Give every text, wherever it stands; keys are none."""
    stack = [document]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str) and item:
            yield item


def _is_key(key: str) -> bool:
    return bool(key) and "." not in key and not _CONTROL.search(key)


def _unwrapped(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from item
        else:
            yield item


def _value(item: Any) -> MetadataValue | None:
    if isinstance(item, bool | Decimal):
        return item
    if isinstance(item, str):
        return item or None
    if isinstance(item, int):
        return Decimal(item)
    # Exact for what was read as Decimal; a float is what people wrote, by its shortest form.
    return Decimal(repr(item)) if isinstance(item, float) else None
