"""How long jobs were due before they were begun."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import HistogramMetricFamily, Metric

from jobs.api.metrics.histograms import buckets_of
from jobs.models import WaitCounter
from jobs.models.wait_counter import WAIT_BUCKETS, WAITED, WOKEN

_TOLD: Final = {
    WAITED: ("ekiden_queue_wait_seconds", "How long jobs were due before an attempt began."),
    WOKEN: ("ekiden_wakeup_lag_seconds", "The same of jobs that a worker began which had been waiting for work."),
}


def metrics() -> Iterator[Metric]:
    found = {name: HistogramMetricFamily(*told, labels=["queue"]) for name, told in _TOLD.items()}
    for counter in WaitCounter.objects.filter(name__in=_TOLD):
        found[counter.name].add_metric([counter.queue], buckets_of(WAIT_BUCKETS, counter.histogram), counter.seconds)
    yield from found.values()
