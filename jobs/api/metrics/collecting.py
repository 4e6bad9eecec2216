"""One reading of all figures, kept for a few seconds."""

import threading
import time
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.row_security import acting_as_system
from jobs.api.metrics import (
    attempts,
    autoscaling,
    events,
    providers,
    queues,
    redis,
    search,
    upkeep,
    waits,
    webhooks,
    workers,
)

#: Several scrapers cost the database no more than one.
CACHE_SECONDS: Final = 10.0

SOURCES: Final = (queues, attempts, waits, events, workers, autoscaling, providers, redis, search, upkeep, webhooks)


class JobsCollector(Collector):
    """Labels are queues, job types and outcomes: never ids, users or messages, of which there is no end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Nothing: else registering would ask the database at import."""
        return []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() >= self._until:
                self._kept = _read()
                self._until = time.monotonic() + CACHE_SECONDS
            return self._kept

    def forget(self) -> None:
        """Look anew at the next scrape."""
        self._until = 0.0


def _read() -> list[Metric]:
    began = time.monotonic()
    with acting_as_system():
        found = [metric for source in SOURCES for metric in source.metrics()]
    took = time.monotonic() - began
    return [*found, GaugeMetricFamily("ekiden_scrape_seconds", "How long these figures took to read.", value=took)]


collector: Final = JobsCollector()
registry: Final = CollectorRegistry(auto_describe=False)
registry.register(collector)
