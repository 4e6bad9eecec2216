"""Places in an order, as clients carry them from page to page: signed, and of use for the same search alone."""

import hashlib
from typing import Final
from uuid import UUID

from django.core import signing

from jobs.exceptions import BadCursor
from jobs.search.sorting import Place

_SALT: Final = "jobs.search"


def binding(*parts: str) -> str:
    """Name the search that a cursor belongs to: the query, the order, and all else that decides what is found."""
    # With their lengths: two ways of cutting the same text are two searches.
    told = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def write(place: Place, bound_to: str) -> str:
    return signing.dumps([place.value, place.id.hex, int(place.backwards), bound_to], salt=_SALT)


def read(text: str, bound_to: str) -> Place:
    """Give the place back; raises BadCursor."""
    try:
        value, job_id, backwards, bound = signing.loads(text, salt=_SALT)
        place = Place(None if value is None else int(value), UUID(job_id), bool(backwards))
    except (signing.BadSignature, ValueError, TypeError, AttributeError) as exc:
        raise BadCursor from exc
    if bound != bound_to:
        raise BadCursor
    return place
