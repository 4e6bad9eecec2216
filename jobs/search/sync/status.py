"""What an operator wants to know of the search engine and the sync, in one picture; also while the engine is away."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from jobs import conf
from jobs.models import SearchIndex, SearchRejection, SearchSlot
from jobs.models.columns import ClockTimestamp
from jobs.search.engine.failures import EngineError
from jobs.search.engine.link import engine as engine_of_settings
from jobs.search.mapping import MAPPING_VERSION
from jobs.search.sync import enabling, state

#: Refused documents that are shown; the newest.
REJECTIONS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """An index as PostgreSQL knows it, and what the engine says of it; None where it does not answer."""

    row: SearchIndex
    documents: int | None = None
    health: str | None = None


@dataclass(slots=True)
class Status:
    """How search stands. Whatever is wrong is in `troubles`, as sentences."""

    #: Where it is, and which; empty without ELASTICSEARCH_URL.
    engine: str = ""
    answers: bool = False
    alias: str = ""
    #: What the alias leads to in the engine.
    leads_to: list[str] = field(default_factory=list)
    indexes: list[IndexStatus] = field(default_factory=list)
    figures: state.Figures = field(default_factory=state.Figures)
    #: Who sends at this moment, by slot.
    holders: dict[int, str] = field(default_factory=dict)
    rejections: list[SearchRejection] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def serving(self) -> IndexStatus | None:
        return next((index for index in self.indexes if index.row.state == SearchIndex.State.SERVING), None)


def examine(max_lag: float) -> Status:
    """Look at everything; a change that waits longer than `max_lag` seconds is a trouble."""
    found = Status(alias=conf.search_alias())
    found.indexes = [IndexStatus(row) for row in SearchIndex.objects.order_by("name")]
    found.figures = state.figures()
    found.rejections = list(SearchRejection.objects.all()[:REJECTIONS_SHOWN])
    held = SearchSlot.objects.filter(held_until__gt=ClockTimestamp())
    found.holders = dict(held.values_list("number", "holder"))
    _ask_engine(found)
    found.troubles += [*_troubles_of_database(), *_troubles_of_index(found), *_troubles_of_sync(found.figures, max_lag)]
    return found


def _ask_engine(found: Status) -> None:
    engine = engine_of_settings()
    if engine is None:
        found.troubles.append("No search engine is named: ELASTICSEARCH_URL is not set.")
        return
    found.engine = ", ".join(engine.addresses)
    try:
        found.engine = f"{engine.info()} at {found.engine}"
        found.leads_to = engine.aliases(found.alias)
        found.indexes = [_seen(engine, index.row) for index in found.indexes]
        found.answers = True
    except EngineError as error:
        found.troubles.append(f"{error}.")


def _seen(engine: Any, row: SearchIndex) -> IndexStatus:
    if not engine.index_exists(row.name):
        return IndexStatus(row, health="gone")
    return IndexStatus(row, engine.count(row.name), engine.health(row.name))


def _troubles_of_database() -> Iterator[str]:
    if not state.is_enabled():
        yield "Search is not enabled: `manage.py search enable` does that."
        return
    if not enabling.has_index():
        yield "The database index job_search_dirty is missing or not whole: run `manage.py search enable` again."
    if not enabling.has_trigger():
        yield "Deletions are not noted, the trigger is missing: run `manage.py search enable` again."


def _troubles_of_index(found: Status) -> Iterator[str]:
    for index in found.indexes:
        if index.health in {"gone", "red"}:
            yield f"The index {index.row.name} is {index.health} in the engine."
    serving = found.serving
    if serving is None:
        if found.indexes:
            yield "No index serves yet: PostgreSQL answers searches."
        elif state.is_enabled():
            yield "There is no index, PostgreSQL answers searches: run `manage.py search enable` again."
        return
    if found.answers and found.leads_to != [serving.row.name]:
        leads = ", ".join(found.leads_to) or "nothing"
        yield f"The alias {found.alias} leads to {leads}, not to {serving.row.name}: run `manage.py search reindex`."
    if serving.row.mapping_version != MAPPING_VERSION:
        yield f"{serving.row.name} is of another release's mapping: run `manage.py search reindex`."
    if drift := sum(getattr(serving.row, kind) or 0 for kind in ("missing", "stale", "orphaned")):
        yield f"The latest reconciliation found {drift:,} documents wrong."


def _troubles_of_sync(figures: state.Figures, max_lag: float) -> Iterator[str]:
    if figures.lag > max_lag:
        yield f"The oldest change has waited for {figures.lag:,.0f} s: is a worker running, and does the engine answer?"
    if figures.rejections:
        yield f"The engine refuses {figures.rejections:,} documents; they are tried again later, or when a job changes."
