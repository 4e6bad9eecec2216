"""Redis as processes see it, where there is one."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from accounts.redis_link import redis_link
from jobs import redis_counts


def metrics() -> Iterator[Metric]:
    up = GaugeMetricFamily("ekiden_redis_up", "1 while the process that answers reaches Redis.", labels=())
    losses = CounterMetricFamily("ekiden_redis_losses", "Times that a process lost Redis.", labels=())
    refusals = CounterMetricFamily("ekiden_redis_refusals", "Commands that Redis refused.", labels=())
    fallbacks = CounterMetricFamily(
        "ekiden_redis_fallbacks", "Times that something went on without Redis.", labels=["purpose"]
    )
    # Without a Redis they have no samples.
    if link := redis_link():
        redis_counts.flush()
        totals = redis_counts.totals()
        up.add_metric([], int(link.state.up))
        losses.add_metric([], totals.losses)
        refusals.add_metric([], totals.refusals)
        for purpose, count in sorted(totals.fallbacks.items()):
            fallbacks.add_metric([purpose], count)
    yield from (up, losses, refusals, fallbacks)
