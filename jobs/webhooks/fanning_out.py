"""Events become deliveries: one for each endpoint that wants to be told, in one transaction with the event's end."""

from typing import Final

from django.db import transaction
from django.db.models import F

from jobs.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from jobs.registry import registry
from jobs.webhooks.endpoints import may_have_everyones
from jobs.webhooks.messages import with_links

#: Events that one transaction takes.
AT_ONCE: Final = 500
#: Deliveries that may wait for one endpoint; what comes then is dropped, and counted.
MOST_WAITING: Final = 10_000


@transaction.atomic
def fan_out(at_once: int = AT_ONCE) -> int:
    """Make deliveries of the oldest events that nobody else has in hand; gives how many events it took."""
    events = list(WebhookEvent.objects.select_for_update(skip_locked=True)[:at_once])
    if not events:
        return 0
    endpoints = WebhookEndpoint.objects.active().select_related("user")
    wanted = {endpoint: [event for event in events if _wants(endpoint, event)] for endpoint in endpoints}
    WebhookDelivery.objects.bulk_create(
        [_delivery(event, endpoint) for endpoint, of_it in wanted.items() for event in _bounded(endpoint, of_it)]
    )
    WebhookEvent.objects.filter(pk__in=[event.pk for event in events]).delete()
    return len(events)


def _wants(endpoint: WebhookEndpoint, event: WebhookEvent) -> bool:
    """Tell as `webhook_event_wanted` does, and look at what the database does not know: roles, and our own jobs."""
    if not endpoint.user.is_active or event.type not in endpoint.events or _is_internal(event.job_type):
        return False
    if endpoint.created_at > event.at:
        return False
    if not (may_have_everyones(endpoint.user) if endpoint.everyone else event.user_id == endpoint.user_id):
        return False
    return (not endpoint.job_types or event.job_type in endpoint.job_types) and (
        not endpoint.queues or event.queue in endpoint.queues
    )


def _is_internal(job_type: str) -> bool:
    return job_type in registry and registry.get(job_type).internal


def _bounded(endpoint: WebhookEndpoint, events: list[WebhookEvent]) -> list[WebhookEvent]:
    """Give those events for which there is room."""
    if not events:
        return []
    waiting = len(endpoint.deliveries.waiting().values_list("pk")[:MOST_WAITING])
    room = MOST_WAITING - waiting
    if len(events) > room:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(dropped=F("dropped") + len(events) - room)
    return events[:room]


def _delivery(event: WebhookEvent, endpoint: WebhookEndpoint) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint=endpoint,
        user_id=endpoint.user_id,
        event_id=event.pk,
        event=event.type,
        at=event.at,
        data=with_links(event.data),
    )
