"""Who notes, brings on and delivers works under the rights of its own database role, and no others."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.row_security import acting_as
from config.roles.declared import APP, OPERATOR, READONLY, WORKER
from jobs import control
from jobs.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from jobs.testing import drain_jobs
from jobs.webhooks import capturing, endpoints, tidying
from jobs.webhooks.fanning_out import fan_out
from jobs.webhooks.queueing import queue_due
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.jobs.rows import finish, new_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("database_roles")]


def test_a_worker_does_all_of_it(receiver, actor):
    endpoints.create(actor, url=receiver.url(), events=["job.completed"])
    with working_as(WORKER):
        assert capturing.switch()
        finish(new_job(user=actor))
        assert fan_out() == 1
        assert queue_due() == 1
        drain_jobs("webhooks", raising=True)
        tidying.tidy()
    assert WebhookDelivery.objects.get().state == "delivered"
    assert len(receiver.received) == 1


def test_a_user_who_ends_a_job_notes_what_the_user_may_not_read(listen, actor):
    operator = UserFactory(role="operator")
    listen(operator, events=["job.cancelled"], everyone=True)
    job = new_job(user=actor)
    with transaction.atomic(), working_as(APP), acting_as(actor):
        assert not WebhookEndpoint.objects.exists()
        control.cancel(job.pk, actor)
    assert WebhookEvent.objects.get().type == "job.cancelled"


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        (APP, "SELECT 1 FROM job_webhook_events"),
        (APP, "SELECT switch_webhook_events(true)"),
        (OPERATOR, "SELECT switch_webhook_events(true)"),
        (READONLY, "SELECT secret FROM job_webhook_endpoints"),
        (READONLY, "SELECT previous_secret FROM job_webhook_endpoints"),
    ],
)
def test_what_is_not_theirs(role, sql):
    with working_as(role), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql)


def test_readers_read_the_rest(actor):
    endpoints.create(actor, url="https://hooks.example.org/", events=["job.completed"])
    with working_as(READONLY), connection.cursor() as cursor:
        cursor.execute("SELECT url, is_active FROM job_webhook_endpoints")
        assert cursor.fetchall() == [("https://hooks.example.org/", True)]
