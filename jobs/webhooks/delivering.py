"""One attempt of a delivery: what a job of ours does, and what is written down of it."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from jobs.context import Context
from jobs.models import WebhookDelivery, WebhookEndpoint
from jobs.models.audit import audit
from jobs.webhooks.endpoints import keys_of
from jobs.webhooks.messages import body_of
from jobs.webhooks.retrying import rest_after, seconds_after
from jobs.webhooks.sending import Answer, send
from jobs.webhooks.signing import signed_headers

#: Attempts that are kept of a delivery.
KEPT_ATTEMPTS: Final = 20
#: An endpoint to which nothing has come through for so long is disabled.
GIVE_UP_AFTER: Final = timedelta(days=5)


def deliver(ctx: Context, delivery_id: UUID) -> dict[str, Any]:
    """Send a delivery, unless somebody else has it by now; says what came of it."""
    delivery = WebhookDelivery.objects.select_related("endpoint").filter(pk=delivery_id, job=ctx.job.pk).first()
    if delivery is None or delivery.state != WebhookDelivery.State.WAITING:
        return {"delivered": False, "why": "It is not to be sent any more."}
    if not delivery.endpoint.is_active:
        with ctx.fenced():
            _mine(delivery).update(job=None)
        return {"delivered": False, "why": "The endpoint is disabled."}
    answer = attempt(delivery)
    with ctx.fenced():
        settle(delivery, answer)
    return {"delivered": answer.accepted, "status": answer.status, "milliseconds": answer.milliseconds}


def attempt(delivery: WebhookDelivery) -> Answer:
    """Send a delivery and give what came back; writes nothing."""
    body, endpoint = body_of(delivery), delivery.endpoint
    return send(endpoint.url, signed_headers(delivery.message_id, body, keys_of(endpoint, timezone.now())), body)


def settle(delivery: WebhookDelivery, answer: Answer) -> None:
    """Write an attempt down, with what follows of it for the delivery and for the endpoint."""
    endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=delivery.endpoint_id).first()
    if endpoint is None:
        return
    _mine(delivery).update(
        tries=F("tries") + 1,
        attempts=[*delivery.attempts, _kept(delivery, answer)][-KEPT_ATTEMPTS:],
        last_status=answer.status,
        last_error=answer.error,
        **_next(delivery, answer),
    )
    if answer.accepted:
        _note_success(endpoint)
    else:
        _note_failure(endpoint, answer)


def _mine(delivery: WebhookDelivery) -> Any:
    # Whoever had it sent again meanwhile has taken it from us.
    return WebhookDelivery.objects.waiting().filter(pk=delivery.pk, job=delivery.job)


def _kept(delivery: WebhookDelivery, answer: Answer) -> dict[str, Any]:
    return {
        "at": timezone.now().isoformat(),
        "number": (delivery.attempts[-1]["number"] if delivery.attempts else 0) + 1,
        "status": answer.status,
        "milliseconds": answer.milliseconds,
        "error": answer.error,
        "excerpt": answer.excerpt,
    }


def _next(delivery: WebhookDelivery, answer: Answer) -> dict[str, Any]:
    """Say what becomes of the delivery."""
    if answer.accepted:
        return {"state": WebhookDelivery.State.DELIVERED, "ended_at": Now()}
    seconds = None if answer.status == 410 else seconds_after(delivery.tries + 1, answer.retry_after)
    if seconds is None:
        return {"state": WebhookDelivery.State.FAILED, "ended_at": Now()}
    return {"job": None, "next_attempt_at": Now() + timedelta(seconds=seconds)}


def _note_success(endpoint: WebhookEndpoint) -> None:
    if endpoint.failures:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, failures=0, rests_until=None)


def _note_failure(endpoint: WebhookEndpoint, answer: Answer) -> None:
    rest = rest_after(endpoint.failures + 1, answer.status, answer.retry_after)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        **({"rests_until": Now() + timedelta(seconds=rest)} if rest else {}),
    )
    if answer.status == 410:
        _disable(endpoint, "It answered 410 Gone: it wants no more webhooks.")
    elif endpoint.failing_since and timezone.now() - endpoint.failing_since > GIVE_UP_AFTER:
        _disable(endpoint, f"Every attempt has failed for {GIVE_UP_AFTER.days} days. The last one: {answer.error}")


def _disable(endpoint: WebhookEndpoint, why: str) -> None:
    changed = WebhookEndpoint.objects.active().filter(pk=endpoint.pk)
    if changed.update(is_active=False, disabled_at=Now(), disabled_reason=why):
        audit(None, "disable", endpoint, why)
