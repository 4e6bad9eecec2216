"""What attempts ended in, and how long they ran."""

from collections import defaultdict
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from jobs.api.metrics.histograms import buckets_of
from jobs.models import OutcomeCounter
from jobs.models.counter import RUN_TIME_BUCKETS


def metrics() -> Iterator[Metric]:
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
    for key, numbers in buckets.items():
        run_time.add_metric(list(key), buckets_of(RUN_TIME_BUCKETS, numbers), seconds[key])
    yield from (attempts, run_time)
