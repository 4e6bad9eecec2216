"""The worker's thread for webhooks: it switches the triggers, brings events on their way, and outlives errors."""

from contextlib import contextmanager

import pytest
from django.db import connection

from jobs.models import Job, WebhookDelivery, WebhookEndpoint, WebhookEvent
from jobs.webhooks import capturing, endpoints
from jobs.worker import webhooks
from jobs.worker.webhooks import IDLE_SECONDS, WebhookThread
from tests.acceptance.stage import wait_until
from tests.jobs.rows import finish, new_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_triggers_left():
    yield
    WebhookEndpoint.objects.all().delete()
    assert capturing.switch(drop=True)


@contextmanager
def working(monkeypatch):
    monkeypatch.setattr(webhooks, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(webhooks, "IDLE_SECONDS", 0.02)
    thread = WebhookThread()
    thread.start()
    try:
        yield
    finally:
        thread.stop()
        thread.join(30)
        assert not thread.is_alive()


def triggers():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'webhook_%' AND NOT tgisinternal")
        return cursor.fetchone()[0]


def test_without_an_endpoint_it_asks_two_short_questions(django_assert_num_queries):
    with django_assert_num_queries(2):
        assert WebhookThread().round() == IDLE_SECONDS


def test_from_an_end_to_a_job_that_tells_of_it(actor, monkeypatch):
    endpoints.create(actor, url="https://hooks.example.org/", events=["job.completed"])
    with working(monkeypatch):
        wait_until(lambda: triggers() == 1)
        finish(new_job(user=actor))
        wait_until(lambda: Job.objects.filter(job_type="deliver_webhook").exists())
    job = Job.objects.get(job_type="deliver_webhook")
    delivery = WebhookDelivery.objects.get()
    assert (delivery.job, job.queue) == (job.pk, "webhooks")
    assert job.payload == {"delivery_id": str(delivery.pk), "endpoint_id": str(delivery.endpoint_id)}
    assert (job.concurrency_key, job.concurrency_limit) == (f"webhook:{delivery.endpoint_id}", 2)


def test_two_threads_bring_each_event_once(actor, monkeypatch):
    endpoints.create(actor, url="https://hooks.example.org/", events=["job.completed"])
    WebhookEvent.objects.bulk_create(
        WebhookEvent(type="job.completed", user_id=actor.pk, job_type="note", queue="q", data={"n": n})
        for n in range(700)
    )
    with working(monkeypatch), working(monkeypatch):
        wait_until(lambda: not WebhookEvent.objects.exists())
    assert WebhookDelivery.objects.values("event_id").distinct().count() == 700 == WebhookDelivery.objects.count()


def test_an_error_is_not_its_end(actor, monkeypatch):
    endpoints.create(actor, url="https://hooks.example.org/", events=["job.completed"])
    failures = []

    def fail():
        failures.append(1)
        raise ValueError("odd")

    monkeypatch.setattr(webhooks, "fan_out", fail)
    with working(monkeypatch):
        wait_until(lambda: len(failures) > 2)
