"""What workers do for webhooks by and by: find what was lost, delete what is old, and take back unused triggers."""

import time
from datetime import timedelta
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.uuid7 import first_uuid7
from jobs import conf
from jobs.models import Job, WebhookDelivery, WebhookEndpoint, WebhookEvent
from jobs.statuses import Status
from jobs.webhooks import capturing

CHORE: Final = "webhooks"
#: Seconds between two runs, and how long one may delete.
INTERVAL: Final = 300.0
RUN_SECONDS: Final = 10.0
AT_ONCE: Final = 1_000
#: A delivery whose job is gone is taken for lost after so long.
LOST_AFTER: Final = timedelta(minutes=10)
#: What could not be sent for so long, because its endpoint is disabled, is not sent any more.
EXPIRES_AFTER: Final = timedelta(days=7)


def tidy() -> None:
    """Do all of it; for the workers' chore."""
    if WebhookEndpoint.objects.exists():
        find_lost()
        expire()
        prune()
    elif WebhookEvent.objects.exists():
        WebhookEvent.objects.all().delete()
    capturing.switch(drop=True)


def find_lost() -> int:
    """Let deliveries be tried again whose job ended without a word: it was deleted, cancelled, or gave up."""
    at_work = Job.objects.filter(pk=OuterRef("job"), status__in=[Status.PENDING, Status.PROCESSING])
    lost = (
        WebhookDelivery.objects.waiting()
        .exclude(job=None)
        .filter(~Exists(at_work), next_attempt_at__lt=Now() - LOST_AFTER)
    )
    return lost.update(job=None)


def expire() -> int:
    """Give up what has waited too long."""
    old = WebhookDelivery.objects.unqueued().filter(next_attempt_at__lt=Now() - EXPIRES_AFTER)
    return old.update(state=WebhookDelivery.State.FAILED, ended_at=Now(), last_error="It could not be sent for 7 days.")


def prune() -> int:
    """Delete deliveries and events that are older than the settings keep them, a few at a time."""
    if not (days := conf.webhook_retention_days()):
        return 0
    oldest = first_uuid7(timezone.now() - timedelta(days=days))
    until, deleted = time.monotonic() + RUN_SECONDS, 0
    for rows in (WebhookDelivery.objects.filter(pk__lt=oldest), WebhookEvent.objects.filter(pk__lt=oldest)):
        while time.monotonic() < until and (gone := _delete_some(rows)):
            deleted += gone
    return deleted


def _delete_some(rows: "QuerySet[WebhookDelivery] | QuerySet[WebhookEvent]") -> int:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    return rows.filter(pk__in=keys).delete()[0] if keys else 0
