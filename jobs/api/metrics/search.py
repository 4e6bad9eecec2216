"""The search engine beside PostgreSQL: how far behind it is, and who answers searches."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from jobs import conf
from jobs.models import SearchIndex
from jobs.search import counts
from jobs.search.engine import link
from jobs.search.sync.state import Figures, figures

_DRIFT = ("missing", "stale", "orphaned")


def metrics() -> Iterator[Metric]:
    # Without a search engine they have no samples, and nothing is asked.
    on = bool(conf.search_urls())
    rows = list(SearchIndex.objects.all()) if on else []
    yield from _behind(bool(rows))
    yield from _indexes(rows)
    yield from _counters(on)


def _behind(enabled: bool) -> Iterator[Metric]:
    now = figures() if enabled else Figures()
    for name, text, value in (
        ("dirty_jobs", "Jobs that changed since they were sent, counted up to 100000.", now.dirty),
        ("lag_seconds", "How long the oldest change that was not sent has waited.", now.lag),
        ("tombstones", "Deleted jobs that the engine has still to be told of.", now.tombstones),
        ("rejections", "Documents that the engine refused and that are put aside.", now.rejections),
    ):
        family = GaugeMetricFamily(f"ekiden_search_{name}", text, labels=())
        if enabled:
            family.add_metric([], value)
        yield family


def _indexes(rows: list[SearchIndex]) -> Iterator[Metric]:
    states = GaugeMetricFamily("ekiden_search_indexes", "Indexes in the search engine, by state.", labels=["state"])
    drift = GaugeMetricFamily(
        "ekiden_search_drift", "Documents that the latest reconciliation found wrong, and mended.", labels=["kind"]
    )
    runs = GaugeMetricFamily(
        "ekiden_search_drifting_runs", "How many reconciliations in a row found something wrong.", labels=()
    )
    at = GaugeMetricFamily(
        "ekiden_search_reconciled_timestamp_seconds", "When the index that serves was reconciled last.", labels=()
    )
    if rows:
        of_each = Counter(row.state for row in rows)
        for state in SearchIndex.State.values:
            states.add_metric([state], of_each[state])
    for row in rows:
        if row.state == SearchIndex.State.SERVING and row.reconciled_at is not None:
            runs.add_metric([], row.drifting_runs)
            at.add_metric([], row.reconciled_at.timestamp())
            for kind in _DRIFT:
                drift.add_metric([kind], getattr(row, kind) or 0)
    yield from (states, drift, runs, at)


def _counters(on: bool) -> Iterator[Metric]:
    families = {
        counts.ANSWERED: CounterMetricFamily("ekiden_searches", "Searches, by who answered.", labels=["source"]),
        counts.FELL_BACK: CounterMetricFamily(
            "ekiden_search_fallbacks", "Searches that PostgreSQL answered in the engine's place.", labels=["reason"]
        ),
        counts.SENT: CounterMetricFamily(
            "ekiden_search_sent", "Documents and deletions sent to the engine, by outcome.", labels=["outcome"]
        ),
        counts.FAILED: CounterMetricFamily(
            "ekiden_search_failures", "Requests of the sync that failed and are made again.", labels=["reason"]
        ),
    }
    open_ = GaugeMetricFamily("ekiden_search_circuit_open", "1 while the process leaves the engine alone.", labels=())
    if on and (circuit := link.circuit()):
        open_.add_metric([], int(circuit.state != "closed"))
        counts.flush()
        totals = counts.totals()
        for what, family in families.items():
            for which, number in sorted(totals[what].items()):
                family.add_metric([which], number)
    yield from (*families.values(), open_)
