"""Searching many jobs: by the engine and by PostgreSQL, and how the engine is kept in step."""

from typing import Any, Final

from jobs.bench.measures import Tick
from jobs.bench.search_jobs import bench_jobs
from jobs.bench.search_queries import QUERIES, queries, without_engine
from jobs.bench.search_sync import loaded, syncing
from jobs.models import Job, SearchIndex, SearchSlot
from jobs.search.asking import Source
from jobs.search.engine.link import engine

#: What is promised, in milliseconds and seconds.
ENGINE_P95_MS: Final = 50.0
POSTGRESQL_P95_MS: Final = 200.0
LAG_P99_S: Final = 2.0


class NotHere(RuntimeError):
    """The measurement would touch what is not its own."""


def search(count: int, rate: int, seconds: float, times: int, tick: Tick) -> dict[str, Any]:
    """Make so many jobs, load them into the engine if one is named, change some, and search; all of it goes again."""
    client = engine()
    refuse_company(with_engine=client is not None)
    figures: dict[str, Any] = {"jobs": count, "queries": {}}
    with bench_jobs(count, tick) as jobs:
        with without_engine():
            answers = {"postgresql": queries(jobs, Source.POSTGRESQL, times, tick)}
        if client is not None:
            figures["engine"] = str(client.info())
            with loaded(jobs, tick) as figures["load"]:
                answers["elasticsearch"] = queries(jobs, Source.ENGINE, times, tick)
                figures["sync"] = syncing(jobs, rate, seconds, tick)
    for query in QUERIES:
        told = {"query": query.text, "sort": query.sort, "served": query.served, "own": query.own}
        figures["queries"][query.name] = told | {source: found[query.name] for source, found in answers.items()}
    return figures


def refuse_company(with_engine: bool) -> None:
    """Raise NotHere unless nothing but the measurement's own jobs would be sent, marked and searched."""
    if SearchIndex.objects.exists() or SearchSlot.objects.exists():
        raise NotHere(
            "Search is enabled in this database. The measurement enables and disables it, so give it a database of its"
            " own: DATABASE_URL=… manage.py migrate, then this command with the same DATABASE_URL."
        )
    if with_engine and Job.objects.exists():
        raise NotHere(
            "This database has jobs, which would be loaded into the engine and marked. Give the measurement a database"
            " of its own (DATABASE_URL=… manage.py migrate), or leave ELASTICSEARCH_URL unset: PostgreSQL alone is"
            " measured beside other jobs."
        )


def goals(figures: dict[str, Any]) -> dict[str, bool]:
    """Tell which aims are met; of PostgreSQL for the queries that its indexes serve."""
    asked = figures["queries"].values()
    met = {
        f"postgresql p95 under {POSTGRESQL_P95_MS:.0f} ms": all(
            _within(query["postgresql"], POSTGRESQL_P95_MS) for query in asked if query["served"]
        )
    }
    if "sync" in figures:
        met[f"engine p95 under {ENGINE_P95_MS:.0f} ms"] = all(
            _within(query["elasticsearch"], ENGINE_P95_MS) for query in asked
        )
        met[f"lag p99 under {LAG_P99_S:.0f} s"] = figures["sync"]["lag_p99_s"] < LAG_P99_S
        met["nothing drifted"] = figures["sync"]["drift"] == 0
    return met


def _within(answers: dict[str, float], limit: float) -> bool:
    others = answers.keys() & {"refused", "fell_back"}
    return not others and answers.get("p95_ms", limit) < limit
