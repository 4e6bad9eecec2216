"""Worker processes: how many there are, and how busy and healthy."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Abs
from prometheus_client.core import GaugeMetricFamily, Metric

from jobs import conf
from jobs.models import Worker
from jobs.models.columns import ClockTimestamp

#: Missed heartbeats after which a worker does not count any more.
MISSED_BEATS: Final = 3
_BYTES: Final = 1_000_000


def metrics() -> Iterator[Metric]:
    heard_of = Q(heartbeat_at__gt=ClockTimestamp() - timedelta(seconds=MISSED_BEATS * conf.heartbeat_interval()))
    running = Worker.objects.running()
    totals = running.filter(heard_of).aggregate(
        workers=Count("pk"),
        slots=Sum("concurrency", default=0),
        busy=Sum("running", default=0),
        memory=Sum("rss_mb", default=0.0),
        releases=Count("release", distinct=True),
        skew=Max(Abs("clock_offset"), default=0.0),
    )
    silent = running.exclude(heard_of).count()
    yield GaugeMetricFamily("ekiden_workers", "Worker processes that are alive.", value=totals["workers"])
    yield GaugeMetricFamily("ekiden_workers_silent", "Worker processes that have not been heard of.", value=silent)
    yield GaugeMetricFamily("ekiden_worker_slots", "Handlers that they can run at once.", value=totals["slots"])
    yield GaugeMetricFamily("ekiden_worker_slots_used", "Handlers that they are running.", value=totals["busy"])
    memory = totals["memory"] * _BYTES
    yield GaugeMetricFamily("ekiden_worker_memory_bytes", "Memory of all of them.", value=memory)
    yield GaugeMetricFamily(
        "ekiden_worker_clock_skew_seconds",
        "How far the furthest host's clock is from the database's.",
        value=totals["skew"],
    )
    yield GaugeMetricFamily("ekiden_worker_releases", "Different releases that they run.", value=totals["releases"])
