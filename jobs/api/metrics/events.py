"""What is counted beside the outcomes of attempts: locks, rescues, dead letters."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from django.db.models import F, Sum
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from jobs.models import DeadLetterGroup, EventCount
from jobs.models.event_count import DEAD_LETTERED, LOCK_LOST, RENEWED, RESCUED, WORKER_LOST, Counted
from jobs.statuses import LIVE, Resolution

_SETTLED: Final = tuple(resolution for resolution in Resolution.values if resolution not in LIVE)


def metrics() -> Iterator[Metric]:
    totals = EventCount.objects.totals()
    both = ("queue", "job_type")
    yield _counter("ekiden_lock_renewals", "Locks that workers renewed.", totals, RENEWED, both)
    yield _counter("ekiden_locks_lost", "Attempts whose lock was another worker's by then.", totals, LOCK_LOST, both)
    yield _counter("ekiden_jobs_rescued", "Jobs taken from workers that were lost.", totals, RESCUED, both)
    lost = sum(count for name, _, _, count in totals if name == WORKER_LOST)
    yield CounterMetricFamily("ekiden_workers_lost", "Workers that fell silent and were taken for dead.", value=lost)
    yield _counter("ekiden_dead_letters", "Dead letters that were made.", totals, DEAD_LETTERED, ("job_type",))
    yield _settled(totals)
    yield _open()


def _counter(name: str, text: str, totals: list[Counted], event: str, labels: tuple[str, ...]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    sums: Counter[tuple[str, ...]] = Counter()
    for counted, queue, job_type, count in totals:
        if counted == event:
            sums[(queue, job_type) if len(labels) == 2 else (job_type,)] += count
    for key, count in sorted(sums.items()):
        family.add_metric(key, count)
    return family


def _settled(totals: list[Counted]) -> Metric:
    text = "Dead letters that people redrove, resolved or discarded."
    family = CounterMetricFamily("ekiden_dead_letters_settled", text, labels=["job_type", "resolution"])
    for name, _, job_type, count in sorted(totals):
        if name in _SETTLED:
            family.add_metric([job_type, name], count)
    return family


def _open() -> Metric:
    letters = GaugeMetricFamily("ekiden_dead_letters_open", "Dead letters that wait for a person.", labels=["job_type"])
    groups = DeadLetterGroup.objects.order_by().values(name=F("job_type"))
    for row in groups.annotate(letters=Sum("open_count")).order_by("name"):
        letters.add_metric([row["name"]], row["letters"])
    return letters
