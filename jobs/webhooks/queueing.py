"""Deliveries become jobs when they are due: few at a time of each endpoint, so that none fills the queue."""

from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from jobs.enqueue import enqueue_many
from jobs.models import Queue, WebhookDelivery, WebhookEndpoint
from jobs.models.webhook_delivery import WebhookDeliveryQuerySet
from jobs.new_job import NewJob
from jobs.webhooks.retrying import PATIENCE

JOB_TYPE: Final = "deliver_webhook"
QUEUE: Final = "webhooks"
#: Deliveries of one endpoint that have a job at the same time, and how many of these run at once.
MOST_JOBS: Final = 100
AT_ONCE: Final = 2
#: How many run at once of all endpoints, until an operator says otherwise at the queue: fewer than a worker has slots,
#: so that those who answer slowly never have them all.
AT_ONCE_OF_ALL: Final = 4


def queue_due() -> int:
    """Submit the jobs of deliveries that are due, endpoint by endpoint; gives how many."""
    due = WebhookDelivery.objects.unqueued().filter(endpoint=OuterRef("pk"), next_attempt_at__lte=Now())
    ready = WebhookEndpoint.objects.active().filter(
        Exists(due), Q(rests_until=None) | Q(rests_until__lte=Now()), user__is_active=True
    )
    return sum(_queue(endpoint) for endpoint in ready)


@transaction.atomic
def _queue(endpoint: WebhookEndpoint) -> int:
    # The endpoint's lock makes the room for jobs one process's affair.
    if not WebhookEndpoint.objects.select_for_update(skip_locked=True).filter(pk=endpoint.pk).exists():
        return 0
    deliveries = list(
        endpoint.deliveries.unqueued()
        .filter(next_attempt_at__lte=Now())
        .order_by("next_attempt_at", "id")
        .select_for_update(skip_locked=True)[: _room(endpoint)]
    )
    if not deliveries:
        return 0
    Queue.objects.bulk_create([Queue(name=QUEUE, concurrency_limit=AT_ONCE_OF_ALL)], ignore_conflicts=True)
    jobs = enqueue_many(
        [NewJob(JOB_TYPE, {"delivery_id": str(each.pk), "endpoint_id": str(endpoint.pk)}) for each in deliveries]
    )
    for delivery, job in zip(deliveries, jobs, strict=True):
        delivery.job = job.id
    WebhookDelivery.objects.bulk_update(deliveries, ["job"])
    return len(deliveries)


def _room(endpoint: WebhookEndpoint) -> int:
    """Give how many may be tried next: of an endpoint that keeps failing, one to see whether it has come back."""
    most = 1 if endpoint.failures >= PATIENCE else MOST_JOBS
    return max(0, most - len(_queued(endpoint).values_list("pk")[:most]))


def _queued(endpoint: WebhookEndpoint) -> WebhookDeliveryQuerySet:
    return endpoint.deliveries.waiting().exclude(job=None)
