"""Secret fields over the API: owners see their own; staff see the mask, or ask, which the audit log keeps."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.roles import Role
from jobs.models import AuditEntry, Schedule
from jobs.secret_fields import MASK
from tests.api_client import client_of, problem
from tests.factories import UserFactory
from tests.jobs.rows import dead_letter, new_job
from tests.jobs.secretive import PAYLOAD, SECRET, secretive

MASKED = {**PAYLOAD, "token": MASK}


@pytest.fixture
def kind():
    with secretive() as name:
        yield name


@pytest.fixture
def owner(db):
    return UserFactory()


@pytest.fixture
def places(kind, owner):
    """Every answer with the payload, and where in it."""
    hourly = {"type": "timedelta", "seconds": 3600}
    job = new_job(kind, payload=PAYLOAD, user=owner)
    letter = dead_letter(new_job(kind, payload=PAYLOAD, user=owner))
    schedule = Schedule.objects.create(
        name="hourly", job_type=kind, schedule_interval=hourly, payload=PAYLOAD, user=owner
    )
    opened = client_of(owner).post("/api/v1/sessions", {"language_title": f"python-{kind}", "context": PAYLOAD})
    return {
        f"/api/v1/jobs/{job.pk}": "payload",
        f"/api/v1/dead-letters/{letter.pk}": "payload",
        f"/api/v1/schedules/{schedule.pk}": "payload",
        opened["Location"]: "context",
    }


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_staff_see_the_mask_and_may_ask_for_what_it_hides_if_they_act(places, role):
    client = client_of(UserFactory(role=role))
    for place, name in places.items():
        assert client.get(place).json()[name] == MASKED
        asked = client.get(place, {"secrets": "show"})
        if role == Role.VIEWER:
            problem(asked, 403, "permission-denied")
        else:
            assert asked.json()[name] == PAYLOAD
    entries = AuditEntry.objects.filter(action="reveal")
    assert entries.count() == (0 if role == Role.VIEWER else len(places))
    assert SECRET not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_owners_see_their_own_and_nothing_is_noted(places, owner):
    client = client_of(owner)
    for place, name in places.items():
        if "dead-letters" not in place:
            assert client.get(place).json()[name] == PAYLOAD
    assert not AuditEntry.objects.filter(action="reveal").exists()


def test_lists_and_searches_have_the_mask_and_no_way_around_it(kind, owner):
    new_job(kind, payload=PAYLOAD, user=owner)
    staff = client_of(UserFactory(role=Role.OPERATOR))
    for place in ("/api/v1/jobs", "/api/v1/jobs/search"):
        assert staff.get(place, {"fields": "job_id,payload"}).json()["data"][0]["payload"] == MASKED
        assert staff.get(place, {"fields": "payload", "secrets": "show"}).status_code == 400
        assert client_of(owner).get(place, {"fields": "payload"}).json()["data"] == [{"payload": PAYLOAD}]


def test_listing_payloads_asks_no_more_than_listing_anything_else(kind, owner):
    for _ in range(5):
        new_job(kind, payload=PAYLOAD, user=owner)
    staff = client_of(UserFactory(role=Role.OPERATOR))
    asked = []
    staff.get("/api/v1/me")
    for fields in ("tags", "payload"):
        with CaptureQueriesContext(connection) as queries:
            assert len(staff.get("/api/v1/jobs", {"fields": fields}).json()["data"]) == 5
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_what_staff_are_told_of_their_acts_is_masked_too(kind, owner):
    job = new_job(kind, payload=PAYLOAD, user=owner)
    staff = client_of(UserFactory(role=Role.OPERATOR))
    assert staff.post(f"/api/v1/jobs/{job.pk}/cancel").json()["payload"] == MASKED


def test_a_redrive_over_the_api_takes_a_masked_edit(kind, owner):
    letter = dead_letter(new_job(kind, payload=PAYLOAD, user=owner))
    staff = client_of(UserFactory(role=Role.OPERATOR))
    edited = {**MASKED, "url": "https://other.example/"}
    answer = staff.post(f"/api/v1/dead-letters/{letter.pk}/redrive", {"payload": edited})
    assert answer.json()["redriven_payload"] == edited
    letter.original_job.refresh_from_db()
    assert letter.original_job.payload == {**edited, "token": SECRET}


@pytest.mark.parametrize("wish", ["hide", "show&secrets=show", ""])
def test_another_wish_is_refused(kind, owner, wish):
    job = new_job(kind, payload=PAYLOAD, user=owner)
    staff = client_of(UserFactory(role=Role.OPERATOR))
    assert staff.get(f"/api/v1/jobs/{job.pk}?secrets={wish}").status_code == 400


def test_the_request_log_keeps_no_secret(kind, owner, recorded_rows):
    client = client_of(owner)
    client.post("/api/v1/jobs", {"type": kind, "payload": PAYLOAD})
    client.post("/api/v1/jobs", {"type": kind, "payload": {**PAYLOAD, "token": [SECRET]}})
    assert len(recorded_rows) == 2
    assert "example.org" in str(recorded_rows)
    assert SECRET not in str(recorded_rows)
