"""Redis as processes see it, where there is one."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from accounts.redis_link import redis_link
from jobs import redis_counts


def metrics() -> Iterator[Metric]:
    link = redis_link()
    if link is None:
        return
    redis_counts.flush()
    totals = redis_counts.totals()
    up = int(link.state.up)
    yield GaugeMetricFamily("ekiden_redis_up", "1 while the process that answers reaches Redis.", value=up)
    yield CounterMetricFamily("ekiden_redis_losses", "Times that a process lost Redis.", value=totals.losses)
    yield CounterMetricFamily("ekiden_redis_refusals", "Commands that Redis refused.", value=totals.refusals)
    fallbacks = CounterMetricFamily(
        "ekiden_redis_fallbacks", "Times that something went on without Redis.", labels=["purpose"]
    )
    for purpose, count in sorted(totals.fallbacks.items()):
        fallbacks.add_metric([purpose], count)
    yield fallbacks
