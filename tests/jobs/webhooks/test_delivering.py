"""From an event to a receiver, over real HTTP: signed, tried again, and never at the cost of others."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from jobs.models import AuditEntry, Job, WebhookDelivery, WebhookEndpoint, WebhookEvent
from jobs.testing import drain_jobs
from jobs.webhooks import endpoints, fanning_out, queueing, retrying, tidying
from jobs.webhooks.fanning_out import fan_out
from jobs.webhooks.queueing import queue_due
from jobs.webhooks.resending import resend, resend_failed
from tests.factories import UserFactory
from tests.jobs.rows import dead_letter, finish, new_job
from tests.jobs.webhooks.conftest import bring, make_due
from tests.webhook_receiver import receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(listen):
    return listen()


def happen(actor, count=1):
    for _ in range(count):
        finish(new_job(user=actor), {"password": "hunter2"})


def test_a_message_is_signed_and_says_little(endpoint, receiver, actor):
    happen(actor)
    (delivery,) = bring()
    (received,) = receiver.received
    message = received.verified(endpoint.secret)
    job = Job.objects.get(job_type="summarize")
    assert (message["type"], message["data"]["job_id"]) == ("job.completed", str(job.pk))
    assert message["data"]["links"] == {"job": f"/api/v1/jobs/{job.pk}"}
    assert message["timestamp"].endswith("Z")
    assert received.headers["webhook-id"] == delivery.message_id == f"msg_{delivery.event_id.hex}"
    assert received.headers["content-type"].startswith("application/json")
    assert b"hunter2" not in received.body
    assert b"content" not in received.body, "nothing of the payload"
    assert len(received.body) < 20_000
    assert (delivery.state, delivery.tries, delivery.last_status) == ("delivered", 1, 204)
    assert (delivery.attempts[0]["number"], delivery.attempts[0]["status"]) == (1, 204)
    assert not WebhookEvent.objects.exists()
    with pytest.raises(WebhookVerificationError):
        received.verified(endpoints.new_secret())


def test_both_secrets_fit_until_the_overlap_ends(endpoint, receiver, actor):
    old = endpoint.secret
    new = endpoints.rotate_secret(endpoint.pk, actor, overlap_hours=2).secret
    happen(actor)
    bring()
    assert receiver.received[0].verified(old) == receiver.received[0].verified(new)
    WebhookEndpoint.objects.update(previous_until=F("previous_until") - timedelta(hours=2))
    happen(actor)
    bring()
    assert receiver.received[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verified(old)
    third = endpoints.rotate_secret(endpoint.pk, actor, overlap_hours=0)
    assert (third.previous_secret, third.previous_until) == ("", None)
    assert old not in str(AuditEntry.objects.values_list("details", flat=True))
    assert new not in str(AuditEntry.objects.values_list("details", flat=True))


def test_the_whole_schedule_of_retries(endpoint, receiver, actor):
    receiver.answers(500, "no, thank you; my key is sk_live_0123456789abcdef0123")
    happen(actor)
    waits = []
    for _ in range(retrying.ATTEMPTS):
        (delivery,) = bring()
        waits.append((delivery.next_attempt_at - timezone.now()).total_seconds())
        make_due()
    assert [delivery.state, delivery.tries, delivery.last_status] == ["failed", 10, 500]
    for wait, least in zip(waits, retrying.SCHEDULE[1:], strict=False):
        assert least - 5 <= wait <= least * 1.1 + 1
    assert [each["number"] for each in delivery.attempts] == list(range(1, 11))
    assert delivery.attempts[0]["error"] == "It answered 500."
    assert delivery.attempts[0]["excerpt"].startswith("no, thank you")
    assert "sk_live" not in delivery.attempts[0]["excerpt"]
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
    assert len({received.body for received in receiver.received}) == 1
    happen(actor)
    assert len(receiver.received) == 10, "an endpoint that keeps failing rests first"


@pytest.mark.parametrize(("asked", "waits"), [("7200", 7200), ("1", 5), ("99999999", 86_400)])
def test_retry_after_is_heeded(endpoint, receiver, actor, asked, waits):
    receiver.answers(503, Retry_After=asked)
    happen(actor)
    (delivery,) = bring()
    assert delivery.next_attempt_at - timezone.now() == pytest.approx(
        timedelta(seconds=waits), abs=timedelta(seconds=3)
    )
    endpoint.refresh_from_db()
    assert endpoint.rests_until > timezone.now(), "who is overloaded is left alone at once"


def test_gone_disables(endpoint, receiver, actor):
    receiver.answers(410)
    happen(actor)
    (delivery,) = bring()
    endpoint.refresh_from_db()
    assert (delivery.state, endpoint.is_active) == ("failed", False)
    assert endpoint.disabled_reason == "It answered 410 Gone: it wants no more webhooks."
    assert AuditEntry.objects.filter(action="disable", actor=None, target_id=str(endpoint.pk)).exists()


def test_days_of_failures_disable_and_one_success_forgives(endpoint, receiver, actor):
    receiver.answers(500)
    happen(actor)
    bring()
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=4))
    make_due()
    receiver.answers(200)
    bring()
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.failing_since, endpoint.failures) == (True, None, 0)
    receiver.answers(500)
    happen(actor)
    bring()
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=6))
    make_due()
    bring()
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert endpoint.disabled_reason.startswith("Every attempt has failed for 5 days. The last one: It answered 500.")
    again = endpoints.change(endpoint.pk, actor, is_active=True)
    assert (again.failing_since, again.failures, again.disabled_reason) == (None, 0, "")


def test_redirects_are_failures(endpoint, receiver, actor):
    receiver.answers(302, Location=receiver.url("/elsewhere"))
    happen(actor)
    (delivery,) = bring()
    assert delivery.last_error == "It answered 302: redirects are not followed."
    assert [received.path for received in receiver.received] == ["/hooks"]


def test_a_server_that_does_not_answer(endpoint, receiver, actor, settings):
    settings.WEBHOOK_TIMEOUT = 0.2
    receiver.answer = lambda handler: receiver.over.wait(30)
    happen(actor)
    (delivery,) = bring()
    assert (delivery.last_status, delivery.last_error) == (None, "It did not answer within 0.2 s.")
    assert delivery.attempts[0]["milliseconds"] < 5000


def test_a_long_answer_is_not_read(endpoint, receiver, actor):
    receiver.answers(200, "é" * 500_000)
    happen(actor)
    (delivery,) = bring()
    assert delivery.state == "delivered"
    assert len(delivery.attempts[0]["excerpt"]) <= 1000


def test_what_was_disabled_meanwhile_waits(endpoint, receiver, actor):
    happen(actor)
    fan_out()
    queue_due()
    endpoints.change(endpoint.pk, actor, is_active=False)
    drain_jobs("webhooks")
    (delivery,) = bring()
    assert (delivery.state, delivery.job, receiver.received) == ("waiting", None, [])
    endpoints.change(endpoint.pk, actor, is_active=True)
    assert bring()[0].state == "delivered"


def test_slow_and_dead_endpoints_hold_up_nobody(listen, receiver, actor, monkeypatch):
    """The dead one gets few jobs, then one at a time; the other gets all it wants."""
    monkeypatch.setattr(queueing, "MOST_JOBS", 3)
    with receiving() as dead:
        url = dead.url()
    broken = listen(url=url)
    listen()
    happen(actor, 8)
    bring()
    assert len(receiver.received) == 8
    broken.refresh_from_db()
    assert broken.failures >= retrying.PATIENCE
    assert broken.rests_until > timezone.now()
    make_due()
    assert queue_due() == 1, "one, to see whether it has come back"


def test_a_backlog_is_bounded_and_what_is_dropped_is_told(endpoint, actor, monkeypatch):
    monkeypatch.setattr(fanning_out, "MOST_WAITING", 2)
    happen(actor, 5)
    fan_out()
    endpoint.refresh_from_db()
    assert (WebhookDelivery.objects.count(), endpoint.dropped, endpoint.version) == (2, 3, 1)


def test_a_crash_between_the_events_and_their_deliveries(endpoint, actor):
    """Neither is lost, neither is there twice."""
    happen(actor, 3)
    with transaction.atomic():
        assert fan_out() == 3
        assert not WebhookEvent.objects.exists()
        transaction.set_rollback(True)
    assert (WebhookEvent.objects.count(), WebhookDelivery.objects.count()) == (3, 0)
    assert fan_out() == 3
    assert (WebhookEvent.objects.count(), WebhookDelivery.objects.count()) == (0, 3)
    assert fan_out() == 0


def test_a_delivery_whose_job_is_gone_is_found(endpoint, receiver, actor):
    happen(actor)
    fan_out()
    queue_due()
    assert tidying.find_lost() == 0
    Job.objects.filter(job_type="deliver_webhook").update(is_deleted=True, status="cancelled")
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() - timedelta(hours=1))
    assert tidying.find_lost() == 1
    assert bring()[0].state == "delivered"


def test_who_may_not_know_any_more_is_not_told(listen, receiver, actor):
    """An operator who is one no longer; a user who was disabled."""
    operator = UserFactory(role="operator")
    listen(operator, everyone=True)
    listen()
    operator.role = "user"
    operator.save()
    actor.is_active = False
    actor.save()
    happen(actor)
    assert bring() == []


def test_internal_jobs_are_not_told_of(listen, register, actor):
    listen(UserFactory(role="operator"), everyone=True)
    handler = register("inside", lambda ctx: None, internal=True)
    finish(handler.enqueue().fetch())
    assert bring() == []


def test_sent_again(endpoint, receiver, actor):
    happen(actor)
    (delivery,) = bring()
    resent = resend(delivery.pk, actor, reason="lost it")
    assert (resent.state, resent.tries, resent.ended_at) == ("waiting", 0, None)
    (delivery,) = bring()
    assert (delivery.state, [each["number"] for each in delivery.attempts]) == ("delivered", [1, 2])
    assert len(receiver.received) == 2
    assert receiver.received[0].headers["webhook-id"] == receiver.received[1].headers["webhook-id"]


def test_a_late_job_does_not_send_what_was_sent_again(endpoint, receiver, actor):
    happen(actor)
    fan_out()
    queue_due()
    resend(WebhookDelivery.objects.get().pk, actor)
    queue_due()
    drain_jobs("webhooks")
    assert len(receiver.received) == 1
    results = Job.objects.filter(job_type="deliver_webhook").order_by("id").values_list("result", flat=True)
    assert [each["delivered"] for each in results] == [False, True]


def test_failures_of_a_time_sent_again(endpoint, receiver, actor):
    receiver.answers(410)
    happen(actor, 3)
    fan_out()
    WebhookDelivery.objects.update(state="failed", ended_at=timezone.now())
    oldest = WebhookDelivery.objects.earliest("id")
    WebhookDelivery.objects.filter(pk=oldest.pk).update(at=timezone.now() - timedelta(days=2))
    assert resend_failed(endpoint.pk, actor, since=timezone.now() - timedelta(days=1)) == 2
    receiver.answers(200)
    assert [each.state for each in bring()] == ["failed", "delivered", "delivered"]


def test_old_deliveries_go(endpoint, actor, settings):
    happen(actor, 2)
    bring()
    settings.WEBHOOK_RETENTION_DAYS = 0
    assert tidying.prune() == 0
    settings.WEBHOOK_RETENTION_DAYS = 1
    assert tidying.prune() == 0
    oldest = WebhookDelivery.objects.earliest("id")
    WebhookDelivery.objects.filter(pk=oldest.pk).update(id="01800000-0000-7000-8000-000000000000")
    assert tidying.prune() == 1
    assert WebhookDelivery.objects.count() == 1


def test_dead_letters_and_everybodys_jobs(listen, receiver):
    listen(UserFactory(role="operator"), everyone=True, events=["job.dead_letter", "dead_letter.opened"])
    letter = dead_letter(new_job())
    bring()
    told = {received.message["type"]: received.message["data"] for received in receiver.received}
    assert told["dead_letter.opened"]["dead_letter_id"] == str(letter.pk)
    assert told["dead_letter.opened"]["links"]["dead_letter"] == f"/api/v1/dead-letters/{letter.pk}"
    assert told["job.dead_letter"]["error_class"] == "ConnectionError"


def test_a_storm(endpoint, receiver, actor, monkeypatch):
    """A thousand events fill the table of deliveries, and never the queue."""
    monkeypatch.setattr(queueing, "MOST_JOBS", 20)
    WebhookEvent.objects.bulk_create(
        WebhookEvent(type="job.completed", user_id=actor.pk, job_type="note", queue="default", data={"job_id": str(n)})
        for n in range(1000)
    )
    assert fan_out() == fanning_out.AT_ONCE
    assert fan_out() == 1000 - fanning_out.AT_ONCE
    assert queue_due() == queueing.MOST_JOBS, "no more jobs than this at a time"
    assert queue_due() == 0
    drain_jobs("webhooks")
    assert len({received.message["data"]["job_id"] for received in receiver.received}) == queueing.MOST_JOBS
    assert WebhookDelivery.objects.waiting().count() == 1000 - queueing.MOST_JOBS
