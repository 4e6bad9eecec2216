"""Searching jobs by a query: found by the engine or by PostgreSQL, read and checked under the caller's rights."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import read_moment
from accounts.api.views import APIView
from accounts.models import User
from accounts.roles import STAFF
from jobs.api import described, secrets
from jobs.api.access import ON_JOBS
from jobs.api.job import columns_of, describe_listed, names_asked_for
from jobs.api.parameters import refuse_unread
from jobs.api.search_described import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    PARAMETERS,
    SearchAnswerSerializer,
    SearchFieldsSerializer,
)
from jobs.search import cursors
from jobs.search.asking import Asked, Facet, Found, Highlight
from jobs.search.finding import find
from jobs.search.language.fields import FACETS, FIELDS, METADATA_PREFIX, Field, metadata_field
from jobs.search.language.parsing import parse
from jobs.search.language.tree import And, Bound, Node, Within
from jobs.search.sorting import NEWEST, SORTS, Place, Sort

_KNOWN: Final = frozenset({"q", "sort", "cursor", "limit", "facets", "from", "to", "fields"})


@dataclass(frozen=True, slots=True)
class Wish:
    """The parameters of a search, read."""

    asked: Asked
    names: tuple[str, ...]
    #: What its cursors belong to.
    binding: str

    @classmethod
    def of(cls, request: Request) -> "Wish":
        """Read the parameters; raises ValidationError, QueryError and BadCursor."""
        refuse_unread(request, _KNOWN, maybe_empty={"q"})
        given, user = request.query_params, cast(User, request.user)
        sort = _sort(given.get("sort"))
        low, high = (_moment(given, name) for name in ("from", "to"))
        binding = cursors.binding(
            given.get("q", ""), sort.name, *(str(moment or "") for moment in (low, high)), str(user.pk)
        )
        names = names_asked_for(request)
        asked = Asked(
            _between(parse(given.get("q", "")), low, high),
            sort,
            after=cursors.read(given["cursor"], binding) if "cursor" in given else None,
            limit=_limit(given.get("limit")),
            facets=_facets(given.get("facets")),
            see_all=user.role in STAFF,
            columns=tuple(columns_of(names)),
        )
        return cls(asked, names, binding)

    def cursor(self, place: Place | None) -> str | None:
        return None if place is None else cursors.write(place, self.binding)


class SearchView(APIView):
    permission_classes = ON_JOBS

    def databases(self) -> Sequence[str]:
        # The search has transactions of its own, so that none is open while the engine is asked.
        return ()

    @extend_schema(
        operation_id="jobs_search",
        tags=["jobs"],
        parameters=[*PARAMETERS, described.FIELDS],
        responses={200: SearchAnswerSerializer, **described.TOO_BROAD},
        description=(
            "Jobs that fit a query, such as `status:failed AND project_name:compiler* NOT arch:arm64`; without one, "
            "every job. The query's language has a page of its own, docs/search.md. Deleted jobs are found only by "
            "queries that name `is_deleted`.\n\n"
            "With a search engine that answers, `source` is `elasticsearch`; else PostgreSQL answers, and `degraded` "
            "says whether an engine should have. Every job is read from PostgreSQL in either case. Changes later than "
            "`as_of` may be missing."
        ),
    )
    def get(self, request: Request) -> Response:
        wish = Wish.of(request)
        found = find(wish.asked, request.user)
        secrets.hide_in_list(request, found.jobs, wish.names)
        page = {"next": wish.cursor(found.after), "prev": wish.cursor(found.before)}
        links = [f'<{_url(request, cursor)}>; rel="{rel}"' for rel, cursor in page.items() if cursor]
        answer = {"data": describe_listed(found.jobs, wish.names), "page": page, **_about(found)}
        return Response(answer, headers={"Link": ", ".join(links)} if links else None)


class SearchFieldsView(APIView):
    permission_classes = ON_JOBS

    @extend_schema(operation_id="jobs_search_fields", tags=["jobs"], responses=SearchFieldsSerializer)
    def get(self, request: Request) -> Response:
        """List what queries can ask of jobs, and the orders that they can be found in."""
        refuse_unread(request, set())
        anything = metadata_field(("*",))
        return Response({"fields": [_field(field) for field in (*FIELDS.values(), anything)], "sorts": list(SORTS)})


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "kind": field.kind.value,
        "description": field.help,
        "aliases": list(field.aliases),
        "choices": list(field.choices),
        "several_values": field.many or field.name.startswith(METADATA_PREFIX),
        "leading_wildcard": field.reversed,
        "facet": field.facet,
    }


def _about(found: Found) -> dict[str, Any]:
    return {
        "source": found.source,
        "degraded": found.degraded,
        "as_of": found.as_of,
        "total": {"value": found.total.value, "relation": "eq" if found.total.exact else "gte"},
        "facets": {name: _counts(facet) for name, facet in found.facets.items()},
        "highlights": {str(job_id): [_piece(piece) for piece in pieces] for job_id, pieces in found.highlights.items()},
    }


def _counts(facet: Facet) -> dict[str, Any]:
    values = [{"value": value, "count": count} for value, count in facet.values]
    return {"values": values, "more": facet.more, "newest": facet.newest}


def _piece(piece: Highlight) -> dict[str, Any]:
    return {"field": piece.field, "text": piece.text, "spans": [list(span) for span in piece.spans]}


def _between(tree: Node, low: datetime | None, high: datetime | None) -> Node:
    if low is None and high is None:
        return tree
    lower, upper = low and Bound(low, inclusive=True), high and Bound(high, inclusive=False)
    return And((tree, Within(FIELDS["created_at"], lower or None, upper or None)))


def _sort(text: str | None) -> Sort:
    if text is None:
        return NEWEST
    if text not in SORTS:
        raise _wrong("sort", f"Must be one of {', '.join(SORTS)}.")
    return SORTS[text]


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
        raise _wrong("limit", f"Must be a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def _facets(text: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(","))) if text else ()
    for name in names:
        if name not in FACETS:
            raise _wrong("facets", f"{name[:100]!r} cannot be counted: {', '.join(FACETS)} can.")
    return names


def _moment(given: Any, name: str) -> datetime | None:
    if name not in given:
        return None
    moment = read_moment(given[name])
    if moment is None:
        raise _wrong(name, "Must be a date and time such as 2026-01-31T09:00:00Z.", "date-time")
    return moment


def _wrong(name: str, detail: str, code: str = "invalid") -> ValidationError:
    return ValidationError({name: [ErrorDetail(detail, code=code)]})


def _url(request: Request, cursor: str) -> str:
    parameters = {**request.query_params.dict(), "cursor": cursor}
    return f"{request.build_absolute_uri(request.path)}?{urlencode(parameters)}"
