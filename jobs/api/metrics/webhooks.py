"""How webhook endpoints are doing, and what waits for them."""

from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from jobs.models import WebhookDelivery, WebhookEndpoint, WebhookEvent

#: Counted no further.
MOST: Final = 100_000


def metrics() -> Iterator[Metric]:
    counts = WebhookEndpoint.objects.aggregate(
        active=Count("pk", filter=Q(is_active=True, failing_since=None)),
        failing=Count("pk", filter=Q(is_active=True, failing_since__isnull=False)),
        disabled=Count("pk", filter=Q(is_active=False)),
    )
    endpoints = GaugeMetricFamily("ekiden_webhook_endpoints", "Webhook endpoints, by state.", labels=["state"])
    for state, count in counts.items():
        endpoints.add_metric([state], count)
    yield endpoints
    waiting = WebhookDelivery.objects.waiting().order_by()[:MOST].count() if any(counts.values()) else 0
    text = "Deliveries of webhooks that wait for an attempt."
    yield GaugeMetricFamily("ekiden_webhook_deliveries_waiting", text, value=waiting)
    text = "Events that no worker has made deliveries of yet."
    yield GaugeMetricFamily("ekiden_webhook_events_waiting", text, value=WebhookEvent.objects.order_by()[:MOST].count())
