"""Webhooks that do not get through, and events that nobody brings on their way."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from jobs.doctor.asking import one
from jobs.doctor.findings import Finding, lasting, ok, warn
from jobs.models import WebhookEndpoint, WebhookEvent

#: An endpoint may be away for so long before anybody is told.
LONG: Final = timedelta(hours=1)
#: Events wait for seconds where a worker runs.
LATE: Final = timedelta(minutes=5)
MOST_NAMED: Final = 5

_NOW: Final = "SELECT clock_timestamp()"


def look() -> Iterator[Finding]:
    (now,) = one(_NOW)
    found = [*_failing(now), *_disabled(now), *_late(now)]
    active = WebhookEndpoint.objects.active().count()
    yield from found or [
        ok(f"{active} webhook endpoints are active, and none has failed for {lasting(LONG.total_seconds())}.")
    ]


def _failing(now: datetime) -> Iterator[Finding]:
    for endpoint in WebhookEndpoint.objects.active().filter(failing_since__lt=now - LONG)[:MOST_NAMED]:
        assert endpoint.failing_since is not None
        seconds = (now - endpoint.failing_since).total_seconds()
        what = f"Nothing has come through to the webhook endpoint {endpoint} for {lasting(seconds)}."
        yield warn(what, f"/admin/jobs/webhookendpoint/{endpoint.pk}/ has its answers; its owner is {endpoint.user_id}")


def _disabled(now: datetime) -> Iterator[Finding]:
    lately = WebhookEndpoint.objects.filter(is_active=False, disabled_at__gt=now - timedelta(days=7))
    for endpoint in lately.exclude(disabled_reason="")[:MOST_NAMED]:
        what = f"The webhook endpoint {endpoint} was disabled. {endpoint.disabled_reason}"
        yield warn(what, f"Mend or delete it: /admin/jobs/webhookendpoint/{endpoint.pk}/")


def _late(now: datetime) -> Iterator[Finding]:
    oldest = WebhookEvent.objects.order_by("pk").values_list("at", flat=True).first()
    if oldest is not None and now - oldest > LATE:
        what = f"Events for webhooks have waited for {lasting((now - oldest).total_seconds())}."
        yield warn(what, "Run a worker without --no-maintenance, and look for “webhooks:” in its log")
