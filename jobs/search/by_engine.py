"""Answers of the search engine: it names jobs, and PostgreSQL says which of them are there, visible and fit.

Nothing that the engine says is believed. It can hide a job, by being stale or worse; it cannot have one shown that is
not the caller's, is not there, or does not fit the query any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jobs import conf
from jobs.search import facets
from jobs.search.as_dsl import as_dsl
from jobs.search.asking import MOST_COUNTED, Asked, Facet, Total
from jobs.search.engine.client import Engine
from jobs.search.engine.failures import Nonsense
from jobs.search.language.tree import Node
from jobs.search.sorting import Place


@dataclass(frozen=True, slots=True)
class Hits:
    """What the engine names, in its order."""

    places: list[Place]
    #: There are more behind the last one.
    more: bool
    #: None unless they were asked for.
    total: Total | None = None
    facets: dict[str, Facet] = field(default_factory=dict)


def ask(
    engine: Engine, asked: Asked, tree: Node, owner: UUID | None, after: Place | None, size: int, *, counting: bool
) -> Hits:
    """Ask for the next jobs behind a place, and how many there are in all; raises EngineError.

    `tree` is resolved; `owner` is whose jobs are meant, or None for everybody's.
    """
    body = {
        "query": {"bool": {"filter": [as_dsl(tree), *owned_by(owner)]}},
        "sort": asked.sort.clause(asked.backwards),
        # One more than is wanted tells whether there are more.
        "size": size + 1,
        "_source": False,
        "track_total_hits": MOST_COUNTED if counting else False,
    }
    if after is not None:
        body["search_after"] = asked.sort.search_after(after)
    if counting and asked.facets:
        body["aggs"] = facets.aggregations(asked.facets)
    answer = engine.search(conf.search_alias(), body)
    try:
        places = list(_places(answer["hits"]["hits"], asked, after))
        if len(places) > size + 1:
            raise ValueError("more hits than were asked for")
        total = _total(answer["hits"]["total"]) if counting else None
        counted = facets.read(answer.get("aggregations"), asked.facets) if counting else {}
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise Nonsense(200, "hits", f"its answer to a search: {exc}") from exc
    return Hits(places[:size], len(places) > size, total, counted)


def owned_by(owner: UUID | None) -> list[dict[str, Any]]:
    """Give the engine's own share of the rights: others' jobs would be dropped, but pages would be short of them."""
    return [] if owner is None else [{"term": {"user": str(owner)}}]


def _places(hits: list[Any], asked: Asked, after: Place | None) -> Iterator[Place]:
    """Give where the hits stand; raises ValueError unless each is behind the one before, so that no page repeats."""
    before = after
    for hit in hits:
        place = asked.sort.read(hit.get("sort"))
        if str(place.id) != hit["_id"]:
            raise ValueError("a hit that is sorted by another's id")
        if before is not None and not asked.sort.in_order(before, place, asked.backwards):
            raise ValueError("hits out of order")
        before = place
        yield place


def _total(total: Any) -> Total:
    value = min(int(total["value"]), MOST_COUNTED)
    return Total(value, exact=total.get("relation") == "eq" and int(total["value"]) <= MOST_COUNTED)
