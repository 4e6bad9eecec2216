"""`/metrics` for Prometheus: read from counters and the live queue, never from history."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import ip_address
from itertools import accumulate
from typing import Any, Final

from django.db.models import Count, F, Q, Sum
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.api.views import APIView
from accounts.permissions import IsStaff
from accounts.row_security import acting_as_system
from jobs import conf, queues
from jobs.api.events import AcceptAnything
from jobs.models import DeadLetterGroup, OutcomeCounter, Worker
from jobs.models.columns import ClockTimestamp
from jobs.models.counter import RUN_TIME_BUCKETS

#: Several scrapers cost the database no more than one.
CACHE_SECONDS: Final = 10.0
#: Missed heartbeats after which a worker does not count any more.
MISSED_BEATS: Final = 3


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
                with acting_as_system():
                    self._kept = [*_queues(), *_attempts(), *_workers(), *_dead_letters()]
                self._until = time.monotonic() + CACHE_SECONDS
            return self._kept

    def forget(self) -> None:
        """Look anew at the next scrape."""
        self._until = 0.0


def _queues() -> Iterator[Metric]:
    depth = GaugeMetricFamily("ekiden_queue_depth", "Pending jobs, counted up to 100000.", labels=["queue"])
    age = GaugeMetricFamily(
        "ekiden_queue_oldest_age_seconds", "How long the job that is due longest has been due.", labels=["queue"]
    )
    running = GaugeMetricFamily("ekiden_queue_processing", "Jobs that are being run.", labels=["queue"])
    paused = GaugeMetricFamily("ekiden_queue_paused", "1 while the queue is paused.", labels=["queue"])
    for queue in queues.snapshot():
        depth.add_metric([queue.name], queue.depth)
        age.add_metric([queue.name], queue.oldest_age_seconds)
        running.add_metric([queue.name], queue.processing)
        paused.add_metric([queue.name], int(queue.paused))
    yield from (depth, age, running, paused)


def _attempts() -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "ekiden_attempts", "Attempts by what they ended in.", labels=["queue", "job_type", "outcome"]
    )
    run_time = HistogramMetricFamily("ekiden_run_seconds", "How long attempts ran.", labels=["queue", "job_type"])
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    buckets: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (len(RUN_TIME_BUCKETS) + 1))
    for counter in OutcomeCounter.objects.all():
        attempts.add_metric([counter.queue, counter.job_type, counter.outcome], counter.count)
        key = (counter.queue, counter.job_type)
        seconds[key] += counter.run_seconds
        for index, number in enumerate(counter.histogram[: len(RUN_TIME_BUCKETS) + 1]):
            buckets[key][index] += number
    bounds = [*(str(bound) for bound in RUN_TIME_BUCKETS), "+Inf"]
    for key, numbers in buckets.items():
        run_time.add_metric(list(key), list(zip(bounds, accumulate(numbers), strict=True)), seconds[key])
    yield from (attempts, run_time)


def _workers() -> Iterator[Metric]:
    heard_of = Q(heartbeat_at__gt=ClockTimestamp() - timedelta(seconds=MISSED_BEATS * conf.heartbeat_interval()))
    totals = (
        Worker.objects.running()
        .filter(heard_of)
        .aggregate(workers=Count("pk"), slots=Sum("concurrency", default=0), busy=Sum("running", default=0))
    )
    yield GaugeMetricFamily("ekiden_workers", "Worker processes that are alive.", value=totals["workers"])
    yield GaugeMetricFamily("ekiden_worker_slots", "Handlers that they can run at once.", value=totals["slots"])
    yield GaugeMetricFamily("ekiden_worker_slots_used", "Handlers that they are running.", value=totals["busy"])


def _dead_letters() -> Iterator[Metric]:
    letters = GaugeMetricFamily("ekiden_dead_letters_open", "Dead letters that wait for a person.", labels=["job_type"])
    groups = DeadLetterGroup.objects.order_by().values(name=F("job_type"))
    for row in groups.annotate(letters=Sum("open_count")).order_by("name"):
        letters.add_metric([row["name"]], row["letters"])
    yield letters


collector: Final = JobsCollector()
registry: Final = CollectorRegistry(auto_describe=False)
registry.register(collector)


class MayScrape(BasePermission):
    """Staff with a key; anyone on this machine, or anyone at all if the settings say so."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return conf.metrics_public() or _is_local(request) or IsStaff().has_permission(request, view)


class MetricsView(APIView):
    permission_classes = (MayScrape,)
    content_negotiation_class = AcceptAnything

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Give the figures in the format of Prometheus, or in OpenMetrics if that is accepted."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(registry), content_type=content_type)


def _is_local(request: Request) -> bool:
    # Behind a proxy on this machine everybody seems to be local: then only a key or the setting lets in.
    if request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
        return False
    try:
        return ip_address(str(request.META.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:
        return False
