"""Which field a typed name is."""

import re
from typing import Final

from jobs.search.language.errors import QueryError
from jobs.search.language.fields import METADATA_PREFIX, NAMES, Field, metadata_field
from jobs.search.language.metadata_values import DEEPEST_PATH, is_path
from jobs.search.language.suggestions import names_like

_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_WILD: Final = re.compile(r"(?<!\\)[*?]")


def field_named(written: str, start: int) -> Field:
    """Give the field of a name as it stands in the query, or raise QueryError with the names that may be meant."""
    if _WILD.search(written):
        raise QueryError("not-allowed", "The name of a field has no wildcards.", start)
    name = _ESCAPED.sub(r"\1", written)
    if name in NAMES:
        return NAMES[name]
    if name.startswith(METADATA_PREFIX):
        return _of_metadata(name.removeprefix(METADATA_PREFIX), start)
    if name + "." == METADATA_PREFIX:
        raise QueryError(
            "unknown-field",
            "Say which key of metadata: metadata.key:value. Words without a field look in all of it.",
            start,
        )
    if name == "_missing_":
        raise QueryError("unknown-field", "What lacks a field is NOT _exists_:field.", start)
    message = f'There is no field "{name[:60]}". A text with a colon or a space in it is quoted.'
    raise QueryError("unknown-field", message, start, names_like(name))


def _of_metadata(name: str, start: int) -> Field:
    path = tuple(name.split("."))
    if not all(path):
        raise QueryError("unknown-field", "The keys behind metadata are parted by single dots: metadata.a.b.", start)
    if not is_path(path):
        raise QueryError("too-complex", f"A path of metadata has at most {DEEPEST_PATH} keys, on one line.", start)
    return metadata_field(path)
