"""Finds jobs: by the engine where there is one that answers, else by PostgreSQL; always with the rights of who asks."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from accounts.row_security import acting_as
from jobs.models import Job
from jobs.search import counts, fallback, freshness
from jobs.search.asking import Asked, Found, Source, Total, conditions, jobs_of, without_deleted
from jobs.search.engine import link
from jobs.search.engine.circuit import CircuitOpen
from jobs.search.engine.failures import EngineError, Nonsense, NotFound, Refused
from jobs.search.language.evaluation import fits
from jobs.search.language.fields import Kind
from jobs.search.language.resolving import resolve
from jobs.search.language.tree import Node
from jobs.search.pages import Page, exact_metadata, rows_of, turned
from jobs.search.sorting import Place

if TYPE_CHECKING:
    from jobs.search.by_engine import Hits
    from jobs.search.engine.client import Engine

logger = logging.getLogger(__name__)

#: How often the engine is asked for one page, when jobs have changed since it heard of them.
MOST_ROUNDS: Final = 3
#: Hits that are asked for in the rounds behind the first.
MORE_HITS: Final = 500


def find(asked: Asked, user: Any) -> Found:
    """Answer a search.

    Raises QueryError for what only the engine can do when it is away, SearchBusy when PostgreSQL has enough to do, and
    SearchTooBroad when it would have to look at too much. That the engine is away, slow or wrong raises nothing.
    """
    engine = link.engine()
    tree = without_deleted(_resolved(asked.tree, user))
    if engine is None:
        return fallback.find(asked, tree, user, degraded=False)
    as_of = freshness.of_engine()
    found, why = _by_engine(engine, asked, tree, user, as_of) if as_of else (None, "not_serving")
    if found is None:
        found = fallback.find(asked, tree, user, degraded=True)
        counts.count(counts.FELL_BACK, why)
    counts.count(counts.ANSWERED, found.source)
    return found


def _resolved(tree: Node, user: Any) -> Node:
    if not any(condition.field and condition.field.kind is Kind.REFERENCE for condition, _ in conditions(tree)):
        return tree
    with acting_as(user):
        return resolve(tree)


def _by_engine(engine: "Engine", asked: Asked, tree: Node, user: Any, as_of: datetime) -> tuple[Found | None, str]:
    """Have the engine answer; or say in a word why it does not."""
    try:
        page, hits = _collected(engine, asked, tree, user)
    except CircuitOpen:
        return None, "circuit_open"
    except EngineError as exc:
        logger.warning("A search is answered by PostgreSQL: %s", exc)
        return None, _WORDS.get(type(exc), "away")
    shown = page.highlights(tree) if asked.highlights else {}
    total = hits.total or Total(len(page.jobs), False)
    return Found(page.jobs, Source.ENGINE, False, as_of, total, hits.facets, shown, page.after, page.before), ""


def _collected(engine: "Engine", asked: Asked, tree: Node, user: Any) -> "tuple[Page, Hits]":
    """Gather a page of jobs that the engine names and that really fit."""
    from jobs.search.by_engine import ask

    circuit = link.circuit()
    assert circuit is not None
    owner = None if asked.see_all else user.pk
    seen: list[Place] = []
    fitting: list[tuple[Place, Job]] = []
    first: Hits | None = None
    for _ in range(MOST_ROUNDS):
        after, size = (seen[-1] if seen else asked.after), (MORE_HITS if first else asked.limit)
        hits = circuit.run(partial(ask, engine, asked, tree, owner, after, size, counting=first is None))
        first = first or hits
        seen += hits.places
        fitting += _checked(hits.places, asked, tree, user)
        if not hits.more or len(fitting) >= asked.limit:
            break
    assert first is not None
    gone, more = len(seen) - len(fitting), hits.more
    if len(fitting) > asked.limit:
        # More than was wanted came with the last round: the next page begins behind what is shown.
        fitting, more = fitting[: asked.limit], True
        seen = seen[: seen.index(fitting[-1][0]) + 1]
    jobs = sorted((job for _, job in fitting), key=lambda job: asked.sort.place_of(job).key)
    if asked.sort.descending != asked.backwards:
        jobs.reverse()
    return turned(asked, jobs, seen, more=more), _without(first, gone)


def _without(hits: "Hits", gone: int) -> "Hits":
    """Do not count what was seen not to fit."""
    if hits.total is None or not hits.total.exact:
        return hits
    return replace(hits, total=Total(max(hits.total.value - gone, 0), True))


def _checked(places: Sequence[Place], asked: Asked, tree: Node, user: Any) -> list[tuple[Place, Job]]:
    """Read the jobs that are there and visible, and leave out those that do not fit any more, or never did."""
    with acting_as(user):
        rows = rows_of(jobs_of(asked, user), asked, tree).filter(pk__in=[place.id for place in places])
        jobs = {job.pk: job for job in rows}
    return [(place, job) for place in places if (job := jobs.get(place.id)) and _fits(tree, job)]


def _fits(tree: Node, job: Job) -> bool:
    with exact_metadata(job):
        return fits(tree, job)


#: Reasons why PostgreSQL answered, as they are counted.
_WORDS: Final[dict[type[EngineError], str]] = {Nonsense: "nonsense", NotFound: "not_found", Refused: "refused"}
