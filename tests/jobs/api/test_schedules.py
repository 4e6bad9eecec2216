from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs.models import AuditEntry, Job, Schedule
from jobs.registry import JobType, registry
from tests.api_client import client_of, problem
from tests.factories import UserFactory

URL = "/api/v1/schedules"
WEEKDAYS = {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "Asia/Tokyo"}
BODY: dict[str, Any] = {
    "name": "morning report",
    "type": "strict",
    "payload": {"text": "good morning"},
    "schedule_interval": WEEKDAYS,
}
NOBODYS = "018f0000-0000-7000-8000-000000000000"


def strict(ctx: Any, text: str) -> str:
    """Need a text."""
    return text


@pytest.fixture(autouse=True)
def _strict_type() -> Iterator[None]:
    registry.add(JobType("strict", strict, queue="mornings", max_retries=7, priority=8))
    yield
    registry.remove("strict")


def make(client: APIClient, **changes: Any) -> Any:
    return client.post(URL, {**BODY, **changes})


@pytest.fixture
def made(client: APIClient) -> dict[str, Any]:
    response = make(client)
    assert response.status_code == 201, response.content
    return {**response.json(), "etag": response["ETag"], "location": response["Location"]}


@pytest.fixture
def url(made: dict[str, Any]) -> str:
    return f"{URL}/{made['schedule_id']}"


def test_a_schedule_is_made_and_found(client, user, made, url):
    assert made["location"].endswith(url)
    found = client.get(url)
    assert (found.status_code, found["ETag"]) == (200, made["etag"])
    told = {**BODY, "queue": "mornings", "max_retries": 7, "priority": 8, "is_active": True, "source": "api"}
    assert told.items() <= found.json().items()
    assert found.json()["timing"] == "At 09:00 on Monday through Friday (Asia/Tokyo)"
    assert found.json()["next_run_at"] and found.json()["user_id"] == user.user_id
    assert AuditEntry.objects.get(target_id=made["schedule_id"]).action == "create"


def test_its_type_may_be_called_job_type(client):
    body = {**BODY, "job_type": BODY["type"]}
    del body["type"]
    assert client.post(URL, body).json()["type"] == "strict"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": "  "}, "#/name"),
        ({"name": "x" * 256}, "#/name"),
        ({"type": "no such"}, "#/type"),
        ({"payload": {}}, "#/payload"),
        ({"payload": {"text": 5}}, "#/payload/text"),
        ({"payload": []}, "#/payload"),
        ({"schedule_interval": "hourly"}, "#/schedule_interval"),
        ({"schedule_interval": {"type": "lunar"}}, "#/schedule_interval/type"),
        ({"schedule_interval": {"type": "cron", "expression": "0 9 * *"}}, "#/schedule_interval/expression"),
        ({"schedule_interval": {**WEEKDAYS, "timezone": "Asia/Edo"}}, "#/schedule_interval/timezone"),
        ({"schedule_interval": {"type": "timedelta", "seconds": 0}}, "#/schedule_interval/seconds"),
        ({"schedule_interval": {"type": "manual", "seconds": 9}}, "#/schedule_interval/seconds"),
        ({"misfire": "perhaps"}, "#/misfire"),
        ({"misfire_cap": 0}, "#/misfire_cap"),
        ({"overlap": True}, "#/overlap"),
        ({"queue": "a b"}, "#/queue"),
        ({"priority": 101}, "#/priority"),
        ({"starts_at": "tomorrow"}, "#/starts_at"),
        ({"ends_at": "2001-01-01T00:00:00Z"}, "#/ends_at"),
        ({"source": "code"}, "#/source"),
        ({"next_run_at": "2030-01-01T00:00:00Z"}, "#/next_run_at"),
    ],
)
def test_what_cannot_be_is_pointed_to(client, changes, pointer):
    errors = problem(make(client, **changes), 422, "validation")["errors"]
    assert [error["pointer"] for error in errors] == [pointer]
    assert not Schedule.objects.exists()


def test_a_name_that_is_taken(client, made):
    problem(make(client), 409, "already-exists")
    assert make(client_of(UserFactory())).status_code == 201


def test_sent_twice_it_is_made_once(client):
    first, second = (client.post(URL, BODY, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))
    assert first.json() == second.json() and second["Idempotency-Replayed"] == "true"
    assert Schedule.objects.count() == 1


def test_a_change_needs_the_version_that_was_read(client, made, url):
    problem(client.patch(url, {"priority": 3}), 428, "if-match-missing")
    changed = client.patch(url, {"priority": 3}, HTTP_IF_MATCH=made["etag"])
    assert (changed.status_code, changed.json()["priority"]) == (200, 3)
    assert changed["ETag"] != made["etag"]
    # The second of two who edit at once.
    problem(client.patch(url, {"priority": 9}, HTTP_IF_MATCH=made["etag"]), 412, "stale-version")
    assert client.get(url).json()["priority"] == 3
    problem(client.delete(url, HTTP_IF_MATCH=made["etag"]), 412, "stale-version")
    problem(client.delete(url), 428, "if-match-missing")
    assert client.delete(url, HTTP_IF_MATCH=changed["ETag"]).status_code == 204


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({}, "#"),
        ({"payload": {"text": 5}}, "#/payload/text"),
        ({"type": "no such"}, "#/type"),
        ({"schedule_interval": {"type": "cron", "expression": "x"}}, "#/schedule_interval/expression"),
        ({"editable": False}, "#/editable"),
    ],
)
def test_a_change_that_cannot_be(client, made, url, changes, pointer):
    errors = problem(client.patch(url, changes, HTTP_IF_MATCH="*"), 422, "validation")["errors"]
    assert [error["pointer"] for error in errors] == [pointer]
    assert client.get(url)["ETag"] == made["etag"]


def test_pausing_and_retiming(client, url):
    paused = client.patch(url, {"is_active": False}, HTTP_IF_MATCH="*").json()
    assert (paused["is_active"], paused["next_run_at"]) == (False, None)
    interval = {"type": "timedelta", "seconds": 90}
    resumed = client.patch(url, {"is_active": True, "schedule_interval": interval}, HTTP_IF_MATCH="*").json()
    assert (resumed["timing"], resumed["schedule_interval"]) == ("Every 1 minute 30 seconds", interval)
    assert resumed["next_run_at"] > timezone.now().isoformat()


def test_run_now(client, user, made, url):
    response = client.post(f"{url}/run", {"reason": "the mail was lost"})
    job = Job.objects.get(schedule_id=made["schedule_id"])
    assert response.status_code == 202 and response["Location"].endswith(f"/api/v1/jobs/{job.pk}")
    told = {"job_id": str(job.pk), "type": "strict", "payload": BODY["payload"], "queue": "mornings", "priority": 8}
    assert told.items() <= response.json().items()
    assert response.json()["schedule_id"] == made["schedule_id"] and job.user == user
    after = client.get(url)
    assert (after.json()["last_job_id"], after["ETag"]) == (str(job.pk), made["etag"])
    assert after.json()["next_run_at"] == made["next_run_at"]
    entry = AuditEntry.objects.get(action="run")
    assert (entry.reason, entry.target_id) == ("the mail was lost", made["schedule_id"])


def test_deleted_and_restored(client, made, url):
    assert client.delete(url, HTTP_IF_MATCH="*").status_code == 204
    for gone in (client.get(url), client.post(f"{url}/run"), client.get(f"{url}/preview")):
        problem(gone, 404, "not-found")
    problem(client.patch(url, {"priority": 1}, HTTP_IF_MATCH="*"), 404, "not-found")
    assert names(client) == []
    assert names(client, deleted="true") == ["morning report"]
    restored = client.post(f"{url}/restore", {"reason": "by mistake"})
    assert (restored.status_code, restored.json()["is_deleted"]) == (200, False)
    assert restored.json()["next_run_at"] == made["next_run_at"]
    assert client.post(f"{url}/restore").status_code == 200
    assert names(client) == ["morning report"]
    assert AuditEntry.objects.get(action="restore").reason == "by mistake"


def test_a_name_taken_meanwhile_keeps_it_deleted(client, url):
    client.delete(url, HTTP_IF_MATCH="*")
    make(client)
    problem(client.post(f"{url}/restore"), 409, "already-exists")


def test_its_next_times_in_utc_and_in_its_zone(client, made, url):
    answer = client.get(f"{url}/preview?count=3").json()
    assert (answer["timezone"], answer["timing"]) == ("Asia/Tokyo", made["timing"])
    assert len(answer["times"]) == 3 and answer["times"][0]["utc"] == made["next_run_at"]
    for moment in answer["times"]:
        assert moment["utc"].endswith("T00:00:00Z") and moment["local"].endswith("T09:00:00+09:00")
    assert len(client.get(f"{url}/preview").json()["times"]) == 10
    for wrong in ("0", "101", "ten", "1.5", ""):
        problem(client.get(f"{url}/preview?count={wrong}"), 400, "invalid-parameter")


def test_an_interval_is_tried_without_being_stored(client):
    end = (timezone.now() + timedelta(seconds=200)).isoformat()
    interval = {"type": "timedelta", "seconds": 90}
    answer = client.post(f"{URL}/preview", {"schedule_interval": interval, "ends_at": end}).json()
    assert (answer["timing"], answer["timezone"], len(answer["times"])) == ("Every 1 minute 30 seconds", "UTC", 2)
    by_hand = client.post(f"{URL}/preview", {"schedule_interval": {"type": "manual"}}).json()
    assert (by_hand["timing"], by_hand["times"]) == ("Only by hand", [])
    bad = client.post(f"{URL}/preview", {"schedule_interval": {**WEEKDAYS, "expression": "0 0 31 2 *"}})
    assert problem(bad, 422, "validation")["errors"][0]["pointer"] == "#/schedule_interval/expression"
    assert not Schedule.objects.exists()


def names(client: APIClient, **filters: Any) -> list[str]:
    response = client.get(URL, filters)
    assert response.status_code == 200, response.content
    return [row["name"] for row in response.json()["data"]]


def test_filters_and_pages(client):
    make(client)
    make(client, name="paused", is_active=False, queue="other")
    make(client, name="echoes", type="echo", payload={})
    Schedule.objects.filter(name="echoes").update(last_error="no")
    assert names(client) == ["echoes", "paused", "morning report"]
    assert names(client, active="false") == ["paused"]
    assert names(client, queue="other") == ["paused"]
    assert names(client, type="echo") == names(client, job_type="echo") == names(client, failing="true") == ["echoes"]
    assert names(client, search="REPORT") == ["morning report"]
    assert names(client, source="admin") == []
    assert names(client, deleted="false") == names(client)
    problem(client.get(URL, {"deleted": "perhaps"}), 400, "invalid-parameter")
    problem(client.get(URL, {"name": "x"}), 400, "invalid-parameter")
    page = client.get(URL, {"limit": 2}).json()
    assert "payload" not in page["data"][0] and page["data"][0]["timing"]
    assert names(client, limit=2, cursor=page["page"]["next"]) == ["morning report"]


def test_others_see_only_their_own(client, client_as, made, url):
    other = client_as(Role.USER)
    assert names(other) == []
    asked = [
        other.get(url),
        other.get(f"{url}/preview"),
        other.patch(url, {"priority": 1}, HTTP_IF_MATCH="*"),
        other.delete(url, HTTP_IF_MATCH="*"),
        other.post(f"{url}/run"),
        other.post(f"{url}/restore"),
        other.get(f"{URL}/{NOBODYS}"),
    ]
    for response in asked:
        problem(response, 404, "not-found")
    assert not Job.objects.exists() and client.get(url)["ETag"] == made["etag"]


def test_staff_see_all_and_operators_act(client_as: Callable[[Role], APIClient], user: User, made, url):
    viewer, operator = client_as(Role.VIEWER), client_as(Role.OPERATOR)
    assert names(viewer) == names(operator) == ["morning report"]
    for refused in (viewer.post(URL, BODY), viewer.post(f"{url}/run"), viewer.delete(url, HTTP_IF_MATCH="*")):
        problem(refused, 403, "role-missing")
    assert operator.patch(url, {"priority": 2}, HTTP_IF_MATCH=made["etag"]).status_code == 200
    assert operator.post(f"{url}/run").json()["user_id"] == user.user_id


def test_one_that_the_code_defines_is_changed_there(operator):
    fixed = Schedule.objects.create(
        name="nightly", job_type="strict", payload={"text": "x"}, schedule_interval=WEEKDAYS, source="code",
        editable=False,
    )  # fmt: skip
    url = f"{URL}/{fixed.pk}"
    for refused in (
        operator.patch(url, {"priority": 1}, HTTP_IF_MATCH="*"),
        operator.delete(url, HTTP_IF_MATCH="*"),
    ):
        assert "defined in code" in problem(refused, 409, "invalid-state")["detail"]
    assert operator.patch(url, {"is_active": False}, HTTP_IF_MATCH="*").status_code == 200


def test_the_next_time_is_skipped_once(client: APIClient, made: dict[str, Any], url: str) -> None:
    seen = {"expected": made["next_run_at"], "reason": "a holiday"}
    skipped = client.post(f"{url}/skip-next", seen).json()
    assert (skipped["skipped"], skipped["next_run_at"] > made["next_run_at"]) == (1, True)
    problem(client.post(f"{url}/skip-next", seen), 409, "invalid-state")
    assert client.post(f"{url}/skip-next").json()["skipped"] == 2
    client.patch(url, {"is_active": False}, headers={"If-Match": "*"})
    problem(client.post(f"{url}/skip-next"), 409, "invalid-state")


def test_past_times_are_made_up_for_unless_it_is_a_dry_run(client: APIClient, url: str) -> None:
    # Three weekdays at nine in Tokyo.
    span = {"since": "2026-03-02T00:00:00Z", "until": "2026-03-04T00:00:00Z"}
    dry = client.post(f"{url}/backfill", span).json()
    assert (dry["dry_run"], dry["times"], dry["missing"], dry["made"]) == (True, 3, 3, 0) and not Job.objects.exists()
    assert [each["time"] for each in dry["data"]] == [f"2026-03-0{day}T00:00:00Z" for day in (2, 3, 4)]
    made = client.post(f"{url}/backfill", {**span, "dry_run": False, "reason": "late"}).json()
    assert {each["job_id"] for each in made["data"]} == {str(pk) for pk in Job.objects.values_list("pk", flat=True)}
    again = client.post(f"{url}/backfill", {**span, "dry_run": False}).json()
    assert (again["times"], again["missing"], again["made"], Job.objects.count()) == (3, 0, 0, 3)
    problem(client.post(f"{url}/backfill", {**span, "until": "2026-03-01T00:00:00Z"}), 422, "invalid-option")
    problem(client.post(f"{url}/backfill", {"since": span["since"]}), 422, "validation")
