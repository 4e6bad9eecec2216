"""Sending again what was sent before: one delivery, or those that failed in a time."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from jobs.models import WebhookDelivery, WebhookEndpoint
from jobs.models.audit import audit
from jobs.models.columns import ClockTimestamp
from jobs.webhooks.endpoints import refuse_inactive

#: Deliveries that one act sends again; whoever has more of them asks once more.
MOST_AT_ONCE: Final = 1_000

_AGAIN: Final[dict[str, Any]] = {
    "state": WebhookDelivery.State.WAITING,
    "job": None,
    "tries": 0,
    "next_attempt_at": ClockTimestamp(),
    "ended_at": None,
}


@transaction.atomic
def resend(delivery_id: UUID, actor: Any, reason: str = "") -> WebhookDelivery:
    """Send a delivery again, in whatever state it is, with all its attempts anew; one that waits is tried at once.

    The message is the same, its id too. Raises InvalidState when the endpoint is disabled.
    """
    delivery = WebhookDelivery.objects.select_for_update(of=("self",)).select_related("endpoint").get(pk=delivery_id)
    refuse_inactive(delivery.endpoint, "resend")
    former = delivery.state
    WebhookDelivery.objects.filter(pk=delivery.pk).update(**_AGAIN)
    _wake(delivery.endpoint)
    audit(actor, "resend", delivery, reason, former_state=former, endpoint=delivery.endpoint_id)
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def resend_failed(
    endpoint_id: UUID, actor: Any, reason: str = "", *, since: datetime, until: datetime | None = None
) -> int:
    """Send those deliveries of an endpoint again that failed with events of this time, the oldest first.

    Gives how many: never more than MOST_AT_ONCE. Raises InvalidState when the endpoint is disabled.
    """
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint_id)
    refuse_inactive(endpoint, "resend")
    failed = endpoint.deliveries.filter(state=WebhookDelivery.State.FAILED, at__gte=since)
    if until is not None:
        failed = failed.filter(at__lt=until)
    oldest = failed.order_by("id").select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_AT_ONCE]
    count = WebhookDelivery.objects.filter(pk__in=list(oldest)).update(**_AGAIN)
    if count:
        _wake(endpoint)
        audit(actor, "resend failed", endpoint, reason, count=count, since=since, until=until)
    return count


def _wake(endpoint: WebhookEndpoint) -> None:
    """Let an endpoint that is left alone be tried now: somebody thinks that it is there again."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk, rests_until__gt=Now()).update(rests_until=None)
