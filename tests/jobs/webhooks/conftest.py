from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models.functions import Now

from jobs.models import WebhookDelivery, WebhookEndpoint
from jobs.testing import drain_jobs
from jobs.webhooks import capturing, endpoints
from jobs.webhooks.fanning_out import fan_out
from jobs.webhooks.queueing import queue_due
from tests.webhook_receiver import Receiver, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def listen(receiver: Receiver, actor: Any) -> Callable[..., WebhookEndpoint]:
    """Make an endpoint of ada's, and have the database note what it wants to know."""

    def make(user: Any = None, **fields: Any) -> WebhookEndpoint:
        given = {"url": receiver.url(), "events": ["job.completed"], **fields}
        endpoint = endpoints.create(user or actor, **given)
        assert capturing.switch()
        return endpoint

    return make


def bring() -> list[WebhookDelivery]:
    """Do what a worker does: fan out, queue, and send all that is due; gives all deliveries, oldest first."""
    while fan_out():
        pass
    while queue_due():
        drain_jobs("webhooks", raising=True)
    return list(WebhookDelivery.objects.order_by("id").select_related("endpoint"))


def make_due() -> None:
    """Let the time of all next attempts come, and all rests be over."""
    WebhookDelivery.objects.waiting().update(next_attempt_at=Now())
    WebhookEndpoint.objects.update(rests_until=None)
