"""What people do to endpoints: make, change, test, rotate the secret, delete. Each act leaves an audit entry."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.roles import STAFF
from jobs.exceptions import InvalidState, StaleVersion
from jobs.models import WebhookDelivery, WebhookEndpoint
from jobs.models.audit import audit
from jobs.models.columns import uuid7
from jobs.webhooks.event_types import TEST
from jobs.webhooks.exceptions import TooManyEndpoints
from jobs.webhooks.faults import FIELDS, check
from jobs.webhooks.signing import new_secret

#: Of one user.
MOST_ENDPOINTS: Final = 50
#: How long the secret before is good beside a new one, in hours, if nobody says otherwise.
OVERLAP_HOURS: Final = 24
LONGEST_OVERLAP_HOURS: Final = 168


@transaction.atomic
def create(user: Any, *, actor: Any = None, reason: str = "", **fields: Any) -> WebhookEndpoint:
    """Make an endpoint of the user's; its secret is in what is given back.

    Raises UnsafeUrl, InvalidEndpoint, which names everything that is wrong, or TooManyEndpoints.
    """
    _refuse_unknown(fields)
    check(fields, user)
    # Two at once would both find room.
    mine = WebhookEndpoint.objects.select_for_update().owned_by(user)
    if len(mine.values_list("pk")[:MOST_ENDPOINTS]) >= MOST_ENDPOINTS:
        raise TooManyEndpoints(f"There are {MOST_ENDPOINTS} endpoints already: delete one first.")
    endpoint = WebhookEndpoint.objects.create(user=user, secret=new_secret(), **fields)
    audit(actor or user, "create", endpoint, reason, after=fields)
    endpoint.refresh_from_db()
    return endpoint


@transaction.atomic
def change(
    endpoint_id: UUID, actor: Any, *, expected_version: int | None = None, reason: str = "", **changes: Any
) -> WebhookEndpoint:
    """Change an endpoint; one that is made active again begins without its former failures.

    Raises StaleVersion when `expected_version` is not its version any more, UnsafeUrl or InvalidEndpoint.
    """
    _refuse_unknown(changes)
    endpoint = _locked(endpoint_id, expected_version)
    changes = {name: value for name, value in changes.items() if getattr(endpoint, name) != value}
    if not changes:
        return endpoint
    before = {name: getattr(endpoint, name) for name in FIELDS}
    check({**before, **changes}, endpoint.user, changed=changes.keys())
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**changes, **_cleared(changes))
    audit(actor, "change", endpoint, reason, before={name: before[name] for name in changes}, after=changes)
    endpoint.refresh_from_db()
    return endpoint


@transaction.atomic
def delete(endpoint_id: UUID, actor: Any, reason: str = "", *, expected_version: int | None = None) -> None:
    """Delete an endpoint with all that is kept of its deliveries; raises StaleVersion as `change` does."""
    endpoint = _locked(endpoint_id, expected_version)
    audit(actor, "delete", endpoint, reason, url=endpoint.url)
    endpoint.delete()


@transaction.atomic
def rotate_secret(
    endpoint_id: UUID, actor: Any, reason: str = "", *, overlap_hours: int = OVERLAP_HOURS
) -> WebhookEndpoint:
    """Give an endpoint a new secret; for so long messages are signed with the one before, too.

    With 0 hours the old one is good for nothing at once, and one that was still good from before is so anyway.
    """
    endpoint = _locked(endpoint_id)
    keep = overlap_hours > 0
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        secret=new_secret(),
        previous_secret=endpoint.secret if keep else "",
        previous_until=Now() + timedelta(hours=overlap_hours) if keep else None,
    )
    audit(actor, "rotate secret", endpoint, reason, overlap_hours=overlap_hours)
    endpoint.refresh_from_db()
    return endpoint


@transaction.atomic
def send_test(endpoint_id: UUID, actor: Any, reason: str = "") -> WebhookDelivery:
    """Have an endpoint sent an event that says nothing, as all others are sent; raises InvalidState if it is off."""
    endpoint = _locked(endpoint_id)
    refuse_inactive(endpoint, "test")
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint,
        user=endpoint.user,
        event_id=uuid7(),
        event=TEST,
        at=Now(),
        data={"endpoint_id": str(endpoint.pk)},
    )
    audit(actor, "test", endpoint, reason, delivery=delivery.pk)
    delivery.refresh_from_db()
    return delivery


def refuse_inactive(endpoint: WebhookEndpoint, action: str) -> None:
    """Raise InvalidState for an endpoint that nothing is sent to."""
    if not endpoint.is_active:
        raise InvalidState(action, "disabled", f"Cannot {action} it: the endpoint is disabled. Enable it first.")


def keys_of(endpoint: WebhookEndpoint, now: Any) -> list[str]:
    """Give the secrets that a message is signed with at this moment, the newest first."""
    overlaps = endpoint.previous_until is not None and endpoint.previous_until > now
    return [endpoint.secret, endpoint.previous_secret] if overlaps else [endpoint.secret]


def may_have_everyones(user: Any) -> bool:
    """Tell whether the user may be told of jobs of others."""
    return user.role in STAFF


def _cleared(changes: dict[str, Any]) -> dict[str, Any]:
    """Say what else changes with it."""
    if changes.get("is_active") is False:
        return {"disabled_at": Now(), "disabled_reason": ""}
    if changes.keys() & {"is_active", "url"}:
        enabled: dict[str, Any] = {"failing_since": None, "failures": 0, "rests_until": None}
        return enabled | ({"disabled_at": None, "disabled_reason": ""} if "is_active" in changes else {})
    return {}


def _refuse_unknown(fields: dict[str, Any]) -> None:
    if unknown := fields.keys() - set(FIELDS):
        raise TypeError(f"An endpoint has no {min(unknown)!r}.")


def _locked(endpoint_id: UUID, expected_version: int | None = None) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.select_for_update(of=("self",)).select_related("user").get(pk=endpoint_id)
    if expected_version is not None and expected_version != endpoint.version:
        raise StaleVersion(endpoint.version)
    return endpoint
