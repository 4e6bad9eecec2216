"""Webhook endpoints over the API: a life, its refusals, and whose they are."""

import pytest

from accounts.roles import Role
from jobs.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from jobs.webhooks.event_types import USUAL
from tests.api_client import client_of, problem
from tests.factories import UserFactory
from tests.jobs.webhooks.conftest import bring
from tests.webhook_receiver import receiving

URL = "/api/v1/webhook-endpoints"
BODY = {"url": "https://hooks.example.org/ekiden"}
NOBODYS = "018f0000-0000-7000-8000-000000000000"

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(client):
    response = client.post(URL, BODY)
    assert response.status_code == 201, response.content
    return {**response.json(), "etag": response["ETag"], "location": response["Location"]}


@pytest.fixture
def url(made):
    return f"{URL}/{made['endpoint_id']}"


def test_made_and_found(client, made, url):
    assert made["location"].endswith(url)
    assert made["secret"].startswith("whsec_")
    found = client.get(url)
    assert (found.status_code, found["ETag"]) == (200, made["etag"])
    assert "secret" not in found.json()
    assert found.json()["events"] == list(USUAL)
    assert found.json()["is_active"] is True
    assert [each["endpoint_id"] for each in client.get(f"{URL}?active=true&failing=false").json()["data"]] == [
        made["endpoint_id"]
    ]
    assert client.get(f"{URL}?active=false").json()["data"] == []


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"url": "http://example.org/"}, "unsafe-url", "#/url"),
        ({"url": "https://127.0.0.1/"}, "unsafe-url", "#/url"),
        ({"url": "https://2130706433/"}, "unsafe-url", "#/url"),
        ({"url": "https://user:pw@example.org/"}, "unsafe-url", "#/url"),
        ({"url": "ftp://example.org/"}, "validation", "#/url"),
        ({}, "validation", "#/url"),
        ({**BODY, "events": []}, "validation", "#/events"),
        ({**BODY, "events": ["job.eaten"]}, "validation", "#/events/0"),
        ({**BODY, "events": ["job.failed", "job.failed"]}, "validation", "#/events"),
        ({**BODY, "events": ["queue.paused"]}, "validation", "#/events/0"),
        ({**BODY, "everyone": True}, "validation", "#/everyone"),
        ({**BODY, "queues": ["a/b"]}, "validation", "#/queues/0"),
        ({**BODY, "job_types": ["a b"]}, "validation", "#/job_types/0"),
        ({**BODY, "secret": "whsec_mine"}, "validation", "#/secret"),
        ({**BODY, "description": "x" * 201}, "validation", "#/description"),
    ],
)
def test_refused(client, body, code, pointer):
    assert pointer in [error["pointer"] for error in problem(client.post(URL, body), 422, code)["errors"]]


def test_changed_by_whom_has_read_it(client, made, url):
    problem(client.patch(url, {"description": "ours"}), 428, "if-match-missing")
    changed = client.patch(url, {"description": "ours", "is_active": False}, HTTP_IF_MATCH=made["etag"])
    assert (changed.status_code, changed.json()["is_active"]) == (200, False)
    assert changed.json()["disabled_at"]
    problem(client.patch(url, {"description": "mine"}, HTTP_IF_MATCH=made["etag"]), 412, "stale-version")
    problem(client.patch(url, {"url": "https://10.0.0.1/"}, HTTP_IF_MATCH="*"), 422, "unsafe-url")
    problem(client.patch(url, {}, HTTP_IF_MATCH="*"), 422, "validation")
    problem(client.post(f"{url}/test"), 409, "invalid-state")
    assert client.delete(url, HTTP_IF_MATCH=changed["ETag"]).status_code == 204
    problem(client.get(url), 404, "not-found")
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["create", "change", "delete"]


def test_rotated(client, made, url):
    rotated = client.post(f"{url}/rotate-secret", {"overlap_hours": 1, "reason": "it was in a log"})
    assert rotated.json()["secret"] != made["secret"]
    assert rotated.json()["previous_secret_until"]
    assert client.post(f"{url}/rotate-secret", {"overlap_hours": 0}).json()["previous_secret_until"] is None
    problem(client.post(f"{url}/rotate-secret", {"overlap_hours": 169}), 422, "validation")


def test_tested_looked_at_and_sent_again(client, made, url, settings):
    with receiving() as receiver:
        settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
        client.patch(url, {"url": receiver.url()}, HTTP_IF_MATCH="*")
        tested = client.post(f"{url}/test")
        assert (tested.status_code, tested.json()["state"]) == (202, "waiting")
        bring()
        delivery = client.get(tested["Location"]).json()
        assert (delivery["state"], delivery["attempts"][0]["status"]) == ("delivered", 204)
        assert delivery["next_attempt_at"] is None
        assert receiver.received[0].verified(made["secret"])["type"] == "webhook.test"
        again = client.post(f"{url}/deliveries/{delivery['delivery_id']}/resend", {"reason": "lost"})
        assert (again.status_code, again.json()["state"]) == (202, "waiting")
    listed = client.get(f"{url}/deliveries?state=waiting&event=webhook.test").json()["data"]
    assert [each["delivery_id"] for each in listed] == [delivery["delivery_id"]]
    assert "attempts" not in listed[0]
    problem(client.get(f"{url}/deliveries?state=lost"), 400, "invalid-parameter")
    problem(client.get(f"{url}/deliveries/{NOBODYS}"), 404, "not-found")


def test_a_range_sent_again(client, user, made, url):
    endpoint = WebhookEndpoint.objects.get()
    for day in (1, 2, 3):
        at = f"2026-03-0{day}T00:00:00Z"
        WebhookDelivery.objects.create(
            endpoint=endpoint,
            user=user,
            event_id=NOBODYS,
            event="job.failed",
            at=at,
            data={},
            state="failed",
            ended_at=at,
        )
    asked = {"since": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"}
    assert client.post(f"{url}/resend", asked).json() == {"resent": 1, "more": False}
    assert WebhookDelivery.objects.waiting().count() == 1
    problem(client.post(f"{url}/resend"), 422, "validation")


def test_others(client, made, url):
    other = client_of(UserFactory())
    assert other.get(URL).json()["data"] == []
    for answer in (
        other.get(url),
        other.post(f"{url}/test"),
        other.post(f"{url}/rotate-secret"),
        other.get(f"{url}/deliveries"),
    ):
        problem(answer, 404, "not-found")


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.OPERATOR, 201), (Role.ADMIN, 201)])
def test_roles(made, url, role, status):
    staff = client_of(UserFactory(role=role))
    assert staff.get(url).status_code == 200
    assert staff.post(URL, {**BODY, "everyone": True, "events": ["queue.paused"]}).status_code == status
    assert staff.post(f"{url}/test").status_code == (202 if status == 201 else 403)


def test_there_is_an_end_to_them(client, monkeypatch):
    monkeypatch.setattr("jobs.webhooks.endpoints.MOST_ENDPOINTS", 1)
    assert client.post(URL, BODY).status_code == 201
    problem(client.post(URL, BODY), 409, "too-many-endpoints")


@pytest.mark.usefixtures("handlers_as_app")
def test_a_life_under_the_rights_of_the_web(client, user, made, url):
    """The database's role of web processes may do all that a user does to endpoints, and nothing to those of others."""
    tested = client.post(f"{url}/test")
    assert tested.status_code == 202, tested.content
    again = client.post(f"{url}/deliveries/{tested.json()['delivery_id']}/resend")
    assert again.status_code == 202, again.content
    assert client.post(f"{url}/resend", {"since": "2026-01-01T00:00:00Z"}).status_code == 202
    assert client.post(f"{url}/rotate-secret").status_code == 200
    assert client.patch(url, {"is_active": False}, HTTP_IF_MATCH="*").status_code == 200
    assert client.delete(url, HTTP_IF_MATCH="*").status_code == 204
    assert not WebhookDelivery.objects.exists()
