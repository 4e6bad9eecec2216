"""The search engine beside PostgreSQL, where there is one: whether it is there, and holds what it should."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from jobs import conf
from jobs.doctor.findings import Finding, critical, graded, lasting, ok, warn
from jobs.models import SearchIndex
from jobs.models.columns import ClockTimestamp
from jobs.search.engine.failures import EngineError
from jobs.search.engine.link import engine
from jobs.search.engine.products import OLDEST
from jobs.search.sync.enabling import has_index, has_trigger
from jobs.search.sync.state import figures

if TYPE_CHECKING:
    from jobs.search.engine.client import Engine

#: Seconds that the engine may be behind.
BEHIND: Final = (60.0, 3600.0)


def look() -> Iterator[Finding]:
    rows = list(SearchIndex.objects.annotate(now=ClockTimestamp()))
    client = engine()
    if not rows and client is None:
        yield ok("No ELASTICSEARCH_URL is set: PostgreSQL searches.")
    elif not rows:
        what = "ELASTICSEARCH_URL is set, and search was never enabled: PostgreSQL searches, and nothing is sent."
        yield warn(what, "manage.py search enable")
    elif client is None:
        what = "Search is enabled, and here is no ELASTICSEARCH_URL: PostgreSQL searches, and what changes piles up."
        yield warn(what, "Set ELASTICSEARCH_URL as it was, or: manage.py search disable --keep-indexes")
    else:
        found = [*_in_the_database(rows), *_in_the_engine(client, rows)]
        now = figures()
        yield from found or [ok(f"The search engine is {now.lag:.1f} seconds behind with {now.dirty:,} jobs.")]


def _in_the_database(rows: list[Any]) -> Iterator[Finding]:
    # Both are made by `search enable`, in no migration: nobody else tells when somebody drops them.
    if not has_index():
        what = "The database index job_search_dirty is missing or not whole: what changed is not found."
        yield critical(what, "manage.py search enable")
    if not has_trigger():
        what = "The trigger that notes deleted jobs is missing or off: the engine is not told of them."
        yield critical(what, "manage.py search enable and then: manage.py search reconcile")
    yield from _behind()
    for row in rows:
        yield from _index(row)


def _behind() -> Iterator[Finding]:
    now = figures()
    if now.lag >= BEHIND[0]:
        what = f"The search engine is {lasting(now.lag)} behind, with {now.dirty:,} jobs to be sent."
        advice = "Run a worker that does the maintenance, with ELASTICSEARCH_URL; or by hand: manage.py search sync"
        yield graded(now.lag, BEHIND, what, advice)
    if now.rejections:
        what = f"The search engine refused the documents of {now.rejections:,} jobs: they are not found as they are."
        advice = "SELECT job_id, error_message FROM job_search_rejections; and when it is mended: manage.py search sync"
        yield warn(what, advice)


def _index(row: Any) -> Iterator[Finding]:
    from jobs.search.mapping import MAPPING_VERSION

    if row.state == SearchIndex.State.SERVING and row.mapping_version != MAPPING_VERSION:
        what = f"The index {row.name} has mapping {row.mapping_version}, and this release wants {MAPPING_VERSION}."
        yield warn(what, "manage.py search reindex")
    if row.state == SearchIndex.State.BUILDING and (row.held_until is None or row.held_until < row.now):
        what = f"The index {row.name} is half built ({row.loaded:,} jobs), and nobody goes on with it."
        yield warn(what, "manage.py search reindex")
    drift = (row.missing or 0, row.stale or 0, row.orphaned or 0)
    if row.state == SearchIndex.State.SERVING and any(drift):
        ago = lasting((row.now - row.reconciled_at).total_seconds())
        what = "The reconciliation {} ago found {:,} documents missing, {:,} stale, {:,} orphaned, and mended them."
        advice = "See whether it finds more, which would go round the sync: manage.py search reconcile"
        yield warn(what.format(ago, *drift), advice)


def _in_the_engine(client: "Engine", rows: list[Any]) -> Iterator[Finding]:
    try:
        client.info()
        yield from _alias(client, rows)
    except EngineError as error:
        if error.kind in ("too_old", "other_product"):
            oldest = " or ".join(f"{name} {version}" for name, version in OLDEST.items())
            yield warn(f"{_sentence(error)}", f"Point ELASTICSEARCH_URL to {oldest}, or newer")
        else:
            yield warn(f"{_sentence(error)}", f"curl -sS {client.addresses[0]}")


def _alias(client: "Engine", rows: list[Any]) -> Iterator[Finding]:
    alias = conf.search_alias()
    serving = next((row.name for row in rows if row.state == SearchIndex.State.SERVING), None)
    if serving is None:
        return
    names = client.aliases(alias)
    if names != [serving]:
        to = f"leads to {', '.join(names)}" if names else "is missing"
        yield critical(f"The alias {alias} {to}, and searches want {serving}.", "manage.py search reindex")
    elif client.health(serving) == "red":
        what = f"Shards of the index {serving} are away."
        yield critical(what, f"curl -sS '{client.addresses[0]}/_cluster/allocation/explain?pretty'")


def _sentence(error: EngineError) -> str:
    return str(error).rstrip(".") + "."
