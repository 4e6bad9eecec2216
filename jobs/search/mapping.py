"""The index in the search engine: what each property of a document is, in words that every engine knows."""

from typing import Any, Final

from jobs.search.language.fields import FIELDS, OWNER, WORKSPACE, Field, Kind

#: Raised with every change of the mapping, of `documents` or of `encoding`: the index then has to be made anew.
MAPPING_VERSION: Final = 1

#: For people's dashboards alone: searches go by the exact `created_at`.
TIMESTAMP: Final = "@timestamp"
#: Pairs of characters of what words without a field are looked for in, beside the error message.
TEXT: Final = "text"
METADATA: Final = "metadata"
#: What a document has: the ids that names stand for, and not the names.
STORED: Final = (*(field for field in FIELDS.values() if field.kind is not Kind.REFERENCE), OWNER, WORKSPACE)
REVERSED: Final = "_reversed"

# What is longer stays out of the index instead of being refused by it; nothing is: a value has HEAD + 1 characters.
_KEYWORD: Final = {"type": "keyword", "ignore_above": 8191}
# Never counted or sorted by.
_LOOKED_UP: Final = {**_KEYWORD, "doc_values": False}
# Only ever asked for phrases, and never for how well they fit.
_PAIRS: Final = {"type": "text", "analyzer": "whitespace", "norms": False}
_OF_KINDS: Final[dict[Kind, dict[str, Any]]] = {
    Kind.KEYWORD: _KEYWORD,
    Kind.ID: _KEYWORD,
    Kind.NUMBER: {"type": "long"},
    Kind.MOMENT: {"type": "long"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.TEXT: _PAIRS,
}


def property_of(field: Field) -> str:
    """Name the property that a field's values are in."""
    return METADATA if field.kind is Kind.METADATA else field.name


def reversed_of(field: Field) -> str:
    """Name the property that has a field's texts backwards."""
    return field.name + REVERSED


def properties() -> dict[str, dict[str, Any]]:
    """Give every property that a document may have."""
    return {
        **{field.name: _OF_KINDS[field.kind] for field in STORED},
        **{reversed_of(field): _LOOKED_UP for field in STORED if field.reversed},
        METADATA: _LOOKED_UP,
        TEXT: _PAIRS,
        TIMESTAMP: {"type": "date"},
    }


def index_body() -> dict[str, Any]:
    """Give what an index of jobs is made with, in any engine."""
    return {
        "settings": {
            "index": {
                "number_of_shards": 1,
                "auto_expand_replicas": "0-1",
                "refresh_interval": "1s",
                # So long a late write of a deleted job is known to be late.
                "gc_deletes": "1h",
            }
        },
        "mappings": {
            "dynamic": "strict",
            "_meta": {"version": MAPPING_VERSION},
            # They are three times as long as what they are made of, and are never read back.
            "_source": {"excludes": [TEXT, *(field.name for field in STORED if field.kind is Kind.TEXT)]},
            "properties": properties(),
        },
    }
