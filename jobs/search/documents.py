"""A job as the search engine has it: every field, written so that the engine's comparisons are ours."""

import json
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from django.db.models import F, TextField
from django.db.models.functions import Cast

from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.search.encoding import entry, head, micros, pairs
from jobs.search.expressions import StringAt
from jobs.search.language.fields import FIELDS, FREE_TEXT, Field, Kind
from jobs.search.language.metadata_values import entries, texts
from jobs.search.mapping import METADATA, STORED, TEXT, TIMESTAMP, reversed_of

#: What lies inside of JSON is read out of it by the database, under the field's name.
_INSIDE: Final = tuple(field for field in STORED if "__" in field.column)
_COLUMNS: Final = tuple(field for field in STORED if field not in _INSIDE)

#: The columns of job_queue that a document is made of as they are; `documentable` reads the others too.
DOCUMENT_COLUMNS: Final = tuple(field.column for field in _COLUMNS)


def documentable(jobs: JobQuerySet) -> JobQuerySet:
    """Read of these jobs what `document` wants, and nothing else.

    Metadata comes as text: what psycopg makes of it has lost digits of its numbers.
    """
    inside = {field.name: StringAt(*field.column.split("__")) for field in _INSIDE}
    return jobs.only(*DOCUMENT_COLUMNS).annotate(metadata_text=Cast(F("metadata"), TextField()), **inside)


def document(job: Job) -> dict[str, Any]:
    """Give the document of a job that was read by `documentable`; empty texts and NULLs are left out.

    Raises RecursionError for metadata that is nested too deep for Python, which only SQL can have put there.
    """
    row = job.__dict__
    found: dict[str, Any] = {name: value for name, column in _PLAIN if (value := row[column]) is not None}
    found |= {name: str(value) for name, column in _IDS if (value := row[column]) is not None}
    found |= {name: micros(value) for name, column in _MOMENTS if (value := row[column]) is not None}
    found |= {name: pairs(value) for name, column in _TEXTS if (value := row[column])}
    found |= {name: heads for name, column in _LISTS if (heads := [head(value) for value in row[column] if value])}
    for name, column, backwards in _KEYWORDS:
        if value := row[column]:
            found[name] = value = head(value)
            if backwards:
                found[backwards] = value[::-1]
    found[TIMESTAMP] = found["created_at"] // 1000
    _add_metadata(found, row)
    return found


def _add_metadata(found: dict[str, Any], row: dict[str, Any]) -> None:
    pieces = [_pairs_of_name(value) for column in _FREE if (value := row[column])]
    if (text := row["metadata_text"]) != "{}":
        metadata = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        pieces += [pairs(each) for each in texts(metadata)]
        if named := [entry(path, value) for path, value in entries(metadata)]:
            found[METADATA] = named
    if pieces:
        found[TEXT] = pieces


_pairs_of_name: Final = lru_cache(4096)(pairs)


def _named(*kinds: Kind) -> list[Field]:
    return [field for field in STORED if field.kind in kinds and not field.many]


def _attribute(field: Field) -> str:
    return field.name if field in _INSIDE else field.column


_PLAIN: Final = [(field.name, field.column) for field in _named(Kind.NUMBER, Kind.BOOLEAN)]
_IDS: Final = [(field.name, field.column) for field in _named(Kind.ID)]
_MOMENTS: Final = [(field.name, field.column) for field in _named(Kind.MOMENT)]
_KEYWORDS: Final = [
    (field.name, _attribute(field), reversed_of(field) if field.reversed else "") for field in _named(Kind.KEYWORD)
]
_LISTS: Final = [(field.name, field.column) for field in STORED if field.many]
_TEXTS: Final = [(field.name, field.column) for field in _named(Kind.TEXT)]
_FREE: Final = [FIELDS[name].column for name in FREE_TEXT if FIELDS[name].kind is not Kind.TEXT]
