"""Webhooks are looked for every second: however long their history is, it is never read from end to end."""

import pytest
from django.db import connection
from django.test import Client

from accounts.roles import Role
from jobs.models import WebhookDelivery, WebhookEndpoint
from jobs.webhooks import figures, tidying
from jobs.webhooks.fanning_out import fan_out
from jobs.webhooks.queueing import queue_due
from tests.contracts.plans import plans_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

#: Of 8,000 deliveries of 20 endpoints, one of 200 waits and one of 100 has failed.
DELIVERIES = """INSERT INTO job_webhook_deliveries
    (endpoint_id, user_id, event_id, event, at, data, state, ended_at, attempts, next_attempt_at)
SELECT e.id, e.user_id, gen_random_uuid(), 'job.failed', now(), '{}',
       CASE WHEN n % 200 = 0 THEN 'waiting' WHEN n % 100 = 0 THEN 'failed' ELSE 'delivered' END,
       CASE WHEN n % 200 <> 0 THEN now() END,
       ARRAY['{"at": "2026-11-22T09:30:00+00:00", "status": 200, "milliseconds": 5}'::jsonb],
       now() + (n - 200) * interval '1 second'
FROM generate_series(1, 400) n CROSS JOIN job_webhook_endpoints e"""


@pytest.fixture(params=[True, False], ids=["analyzed", "statistics-of-an-empty-table"])
def history(request):
    owner = UserFactory(role=Role.OPERATOR)
    WebhookEndpoint.objects.bulk_create(
        WebhookEndpoint(user=owner, url=f"https://{n}.example.org/", events=["job.failed"], secret="-")
        for n in range(20)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE job_webhook_deliveries")
        cursor.execute(DELIVERIES)
        if request.param:
            cursor.execute("ANALYZE job_webhook_deliveries, job_webhook_endpoints")
    return owner


def console(owner, path):
    client = Client()
    client.force_login(owner)
    assert client.get(path).status_code == 200


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    "work",
    [fan_out, queue_due, tidying.find_lost, tidying.expire, tidying.prune],
    ids=["fan out", "queue", "find what is lost", "expire", "prune"],
)
def test_what_workers_do(work):
    plans = [plan for plan in plans_of(work) if plan.indexes("job_webhook_deliveries") or plan.read_whole()]
    assert not any("job_webhook_deliveries" in plan.read_whole() for plan in plans)


def test_pages(history):
    endpoint = WebhookEndpoint.objects.first()
    of_it = f"/admin/jobs/webhookdelivery/?endpoint={endpoint.pk}"
    letter = WebhookDelivery.objects.filter(endpoint=endpoint).first()
    for path in (
        "/admin/jobs/webhookendpoint/", f"/admin/jobs/webhookendpoint/{endpoint.pk}/change/",
        of_it, f"{of_it}&state=failed", f"/admin/jobs/webhookdelivery/{letter.pk}/change/",
    ):  # fmt: skip
        plans = [
            plan
            for plan in plans_of(lambda path=path: console(history, path))
            if plan.indexes("job_webhook_deliveries") or plan.read_whole()
        ]
        assert not any("job_webhook_deliveries" in plan.read_whole() for plan in plans), path


@pytest.mark.parametrize("history", [True], indirect=True, ids=["analyzed"])
def test_figures_of_endpoints_come_from_the_index_of_each(history):
    # While PostgreSQL takes the table for empty, every index is as good as another to it.
    keys = list(WebhookEndpoint.objects.values_list("pk", flat=True))
    (plan,) = plans_of(lambda: figures.recent(keys))
    assert plan.indexes("job_webhook_deliveries") == {"webhook_delivery_endpoint"}
    assert figures.recent(keys)[keys[0]].attempted == figures.COUNTED
