"""Webhooks in the console: made, tested, looked at, rotated, sent again, disabled, deleted; and by whom."""

import pytest
from django.utils import timezone

from jobs.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from jobs.webhooks.figures import recent
from tests.jobs.webhooks.conftest import bring
from tests.webhook_receiver import receiving

LIST = "/admin/jobs/webhookendpoint/"
FORM = {
    "url": "https://hooks.example.org/ekiden",
    "description": "The pager",
    "events": ["job.dead_letter", "queue.paused"],
    "job_types": "summarize, note",
    "queues": "",
    "everyone": "on",
}


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def endpoint(operator):
    page = operator.post(f"{LIST}add/", FORM)
    assert page.status_code == 200, page.content.decode()
    return WebhookEndpoint.objects.get()


def address(row, act="change", of="webhookendpoint"):
    return f"/admin/jobs/{of}/{row.pk}/{act}/"


def words(client, place, **form):
    answer = client.post(place, form, follow=True) if form else client.get(place)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_empty_list_says_what_to_do(operator, viewer):
    assert "Nobody is told of anything yet" in words(operator, LIST)
    assert "Make an endpoint" in words(operator, LIST)
    assert f'href="{LIST}add/"' not in words(viewer, LIST)


def test_made_with_its_secret_shown_once(operator, endpoint):
    assert (endpoint.job_types, endpoint.everyone, endpoint.user) == (["summarize", "note"], True, operator.user)
    made = operator.post(f"{LIST}add/", {**FORM, "description": "Another"}).content.decode()
    another = WebhookEndpoint.objects.get(description="Another")
    assert another.secret in made
    for url in (address(another), address(another, "edit"), LIST):
        assert another.secret not in words(operator, url)
    assert "The pager" in words(operator, LIST)
    assert "summarize" in words(operator, address(endpoint))


def test_what_is_wrong_stands_beside_the_field_and_nothing_is_lost(operator):
    page = operator.post(f"{LIST}add/", {**FORM, "url": "https://169.254.169.254/", "queues": "a/b"}).content.decode()
    assert "is no such name" in page
    page = operator.post(f"{LIST}add/", {**FORM, "url": "https://169.254.169.254/"}).content.decode()
    assert "does not have a public address" in page
    assert 'value="summarize, note"' in page
    assert "The pager" in page
    page = operator.post(f"{LIST}add/", {**FORM, "everyone": ""}).content.decode()
    assert "queue.paused is only for endpoints" in page
    assert not WebhookEndpoint.objects.exists()


def test_changed_unless_somebody_was_faster(operator, endpoint):
    form = {**FORM, "description": "The other pager", "expected_version": "1", "reason": "moved"}
    assert "The endpoint is changed." in words(operator, address(endpoint, "edit"), **form)
    page = words(operator, address(endpoint, "edit"), **{**form, "description": "Mine"})
    assert "Somebody has changed it meanwhile" in page
    assert "Mine" in page
    endpoint.refresh_from_db()
    assert endpoint.description == "The other pager"
    assert AuditEntry.objects.get(action="change").reason == "moved"


def test_tested_rotated_and_sent_again(operator, viewer, endpoint, receiver):
    WebhookEndpoint.objects.update(url=receiver.url())
    receiver.answers(500, "<b>out of order</b>")
    assert "The test is on its way." in words(operator, address(endpoint, "test"), reason="")
    (delivery,) = bring()
    page = words(viewer, address(delivery, of="webhookdelivery"))
    for seen in ("webhook.test", "It answered 500.", "&lt;b&gt;out of order&lt;/b&gt;", delivery.message_id):
        assert seen in page
    assert "It answered 500." in words(viewer, address(endpoint))
    assert "failing" in words(viewer, f"{LIST}?state=failing")
    rotated = words(operator, address(endpoint, "rotate"), overlap_hours="1", reason="it leaked")
    endpoint.refresh_from_db()
    assert endpoint.secret in rotated
    receiver.answers(200)
    assert "It is sent again." in words(operator, address(delivery, "resend", "webhookdelivery"), reason="mended")
    (delivery,) = bring()
    assert delivery.state == "delivered"
    assert receiver.received[-1].verified(endpoint.secret)
    assert receiver.received[-1].verified(endpoint.previous_secret)
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"create", "test", "rotate secret", "resend"}
    listed = words(viewer, f"/admin/jobs/webhookdelivery/?endpoint={endpoint.pk}&state=delivered")
    assert "webhook.test" in listed
    assert recent([endpoint.pk])[endpoint.pk].share == 100


def test_a_time_of_failures_sent_again(operator, endpoint):
    WebhookDelivery.objects.create(
        endpoint=endpoint, user=endpoint.user, event_id=endpoint.pk, event="job.failed", at=timezone.now(), data={},
        state="failed", ended_at=timezone.now(),
    )  # fmt: skip
    page = words(operator, address(endpoint, "resend"), since="2026-01-01T00:00:00", until="", reason="")
    assert "1 delivery is sent again." in page
    page = words(operator, address(endpoint, "resend"), since="", until="", reason="")
    assert "This field is required" in page


def test_disabled_enabled_deleted(operator, endpoint):
    assert "The endpoint is disabled." in words(operator, address(endpoint, "disable"), reason="noise")
    assert "nothing is sent to it" in words(operator, address(endpoint))
    assert "the endpoint is disabled. Enable it first." in words(operator, address(endpoint, "test"), reason="")
    assert "The endpoint is enabled." in words(operator, address(endpoint, "enable"), reason="")
    assert "The endpoint is deleted." in words(operator, address(endpoint, "remove"), reason="")
    assert not WebhookEndpoint.objects.exists()


def test_why_it_was_disabled_is_told(operator, endpoint):
    WebhookEndpoint.objects.update(is_active=False, disabled_reason="It answered 410 Gone.", dropped=7)
    page = words(operator, address(endpoint))
    assert "It answered 410 Gone." in page
    assert "7 events were dropped" in page


def test_viewers_read(viewer, endpoint):
    assert "The pager" in words(viewer, address(endpoint))
    assert address(endpoint, "test") not in words(viewer, address(endpoint))
    for act in ("test", "resend", "rotate", "disable", "remove", "edit"):
        assert viewer.get(address(endpoint, act)).status_code == 403
        assert viewer.post(address(endpoint, act), {"reason": "", "overlap_hours": "1"}).status_code == 403
    assert viewer.get(f"{LIST}add/").status_code == 403


def test_deliveries_are_listed_of_one_endpoint(operator, endpoint):
    for query in ("", "?endpoint=", "?endpoint=1"):
        assert operator.get(f"/admin/jobs/webhookdelivery/{query}")["Location"] == LIST


def test_pages_ask_little(operator, endpoint, django_assert_max_num_queries):
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint,
            user=endpoint.user,
            event_id=endpoint.pk,
            event="job.failed",
            at=timezone.now(),
            data={},
        )
        for _ in range(60)
    )
    delivery = WebhookDelivery.objects.first()
    for url in (
        LIST, address(endpoint), f"/admin/jobs/webhookdelivery/?endpoint={endpoint.pk}",
        address(delivery, of="webhookdelivery"),
    ):  # fmt: skip
        # Thirteen of them are the session's, the rights' and the rail's.
        with django_assert_max_num_queries(20):
            words(operator, url)
