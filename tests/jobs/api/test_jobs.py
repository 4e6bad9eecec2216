from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User, Workspace
from accounts.roles import Role
from jobs import schedules
from jobs.models import AuditEntry, Job
from jobs.statuses import Status
from tests.api_client import problem
from tests.jobs.api.conftest import set_status

Submit = Callable[..., dict[str, Any]]


def test_submits_a_job_with_every_option(client: APIClient, user: User) -> None:
    moment = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    body = {
        "type": "echo",
        "payload": {"text": "走れ", "times": 2},
        "queue": "fast-1",
        "priority": 9,
        "scheduled_at": moment.isoformat(),
        "max_retries": 0,
        "timeout": 1.5,
        "tags": ["a", "b"],
        "metadata": {"ticket": 1},
        "unique_key": "once",
        "project_name": "p",
        "hostname": "h",
        "arch": "x86_64",
        "workspace": "team",
    }

    response = client.post("/api/v1/jobs", body)

    assert response.status_code == 201
    answer = response.json()
    assert response["Location"].endswith(f"/api/v1/jobs/{answer['job_id']}")
    assert response["ETag"] == '"v1"'
    assert answer.items() >= {**body, "scheduled_at": moment.isoformat().replace("+00:00", "Z")}.items()
    assert answer["status"] == "pending"
    assert answer["user_id"] == user.user_id
    assert client.get(response["Location"]).json() == answer


def test_what_is_left_out_is_decided_by_the_job_type(submit: Submit) -> None:
    job = submit()

    assert (job["queue"], job["priority"], job["max_retries"], job["payload"]) == ("echoes", 5, 3, {})
    assert (job["progress"], job["result"], job["error"], job["version"]) == (0, None, None, 1)


def test_job_type_is_another_name_of_type(client: APIClient) -> None:
    assert client.post("/api/v1/jobs", {"job_type": "echo"}).json()["type"] == "echo"
    problem(client.post("/api/v1/jobs", {"job_type": "echo", "type": "echo"}), 422, "validation")


def test_a_taken_unique_key_answers_with_the_job_that_holds_it(client: APIClient, submit: Submit) -> None:
    first = submit(unique_key="k")

    again = client.post("/api/v1/jobs", {"type": "echo", "unique_key": "k", "payload": {"text": "other"}})

    assert again.status_code == 200
    assert again.json()["job_id"] == first["job_id"]
    assert again["Location"].endswith(first["job_id"])
    assert Job.objects.count() == 1


def test_what_makes_two_jobs_the_same(client: APIClient, submit: Submit) -> None:
    unique = {"fields": ["text"], "period": 60, "states": ["pending", "processing", "completed"]}
    first = submit(unique=unique, payload={"text": "a"})

    def again(**said: Any) -> Any:
        body = {"type": "echo", "payload": {"text": "a", "times": 2}, "unique": unique, **said}
        return client.post("/api/v1/jobs", body)

    assert (again().status_code, again().json()["job_id"]) == (200, first["job_id"])
    taken = problem(again(unique={**unique, "mode": "raise"}), 409, "unique-key-conflict")
    assert taken["job_id"] == first["job_id"]
    replaced = again(unique={"fields": ["text"], "mode": "replace"}, priority=9)
    assert (replaced.status_code, replaced.json()["payload"]["times"], replaced.json()["priority"]) == (200, 2, 9)
    assert again(unique={"fields": ["text"], "mode": "debounce"}, delay=60).status_code == 200
    assert again(unique=None).status_code == 201
    assert Job.objects.count() == 2


def test_the_same_idempotency_key_makes_one_job(client: APIClient) -> None:
    def send(text: str) -> Any:
        return client.post("/api/v1/jobs", {"type": "echo", "payload": {"text": text}}, HTTP_IDEMPOTENCY_KEY="k1")

    first, second = send("a"), send("a")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Location"] == first["Location"]
    assert second["Idempotency-Replayed"] == "true"
    problem(send("b"), 422, "idempotency-key-reused")
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "validation", "#/type"),
        ({"type": "nobody-does-this"}, "unknown-job-type", "#/type"),
        ({"type": "echo", "paylod": {}}, "validation", "#/paylod"),
        ({"type": "echo", "status": "completed"}, "validation", "#/status"),
        ({"type": "echo", "payload": []}, "validation", "#/payload"),
        ({"type": "echo", "payload": {"times": "two"}}, "invalid-payload", "#/payload/times"),
        ({"type": "echo", "payload": {"text": "x" * 300_000}}, "invalid-payload", "#/payload"),
        ({"type": "echo", "metadata": {"a": "x" * 70_000}}, "invalid-option", "#/metadata"),
        ({"type": "echo", "priority": "5"}, "validation", "#/priority"),
        ({"type": "echo", "priority": True}, "validation", "#/priority"),
        ({"type": "echo", "priority": 101}, "validation", "#/priority"),
        ({"type": "echo", "priority": 10**200}, "validation", "#/priority"),
        ({"type": "echo", "max_retries": 1.5}, "validation", "#/max_retries"),
        ({"type": "echo", "queue": "no spaces"}, "validation", "#/queue"),
        ({"type": "echo", "queue": ".."}, "validation", "#/queue"),
        ({"type": "echo", "timeout": 0}, "validation", "#/timeout"),
        ({"type": "echo", "tags": "a"}, "validation", "#/tags"),
        ({"type": "echo", "tags": ["a"] * 11}, "validation", "#/tags"),
        ({"type": "echo", "tags": [""]}, "validation", "#/tags/0"),
        ({"type": "echo", "unique_key": 5}, "validation", "#/unique_key"),
        ({"type": "echo", "unique": "skip"}, "validation", "#/unique"),
        ({"type": "echo", "unique": {"mod": "skip"}}, "validation", "#/unique/mod"),
        ({"type": "echo", "unique": {"mode": "first"}}, "validation", "#/unique/mode"),
        ({"type": "echo", "unique": {"mode": "debounce"}}, "validation", "#/unique"),
        ({"type": "echo", "unique": {"fields": []}}, "validation", "#/unique/fields"),
        ({"type": "echo", "unique": {"fields": ["text"]}, "unique_key": "k"}, "validation", "#/unique"),
        ({"type": "echo", "unique": {"period": 0}}, "validation", "#/unique/period"),
        ({"type": "echo", "unique": {"states": ["processing"]}}, "validation", "#/unique"),
        ({"type": "echo", "unique": {"states": ["done"]}}, "validation", "#/unique/states/0"),
        ({"type": "echo", "scheduled_at": "2026-01-01"}, "validation", "#/scheduled_at"),
        ({"type": "echo", "scheduled_at": "2026-01-01T00:00:00"}, "validation", "#/scheduled_at"),
        ({"type": "echo", "scheduled_at": "9999-12-31T23:59:59-14:00"}, "validation", "#/scheduled_at"),
        ({"type": "echo", "scheduled_at": "2999-01-01T00:00:00Z"}, "invalid-option", "#/scheduled_at"),
        ({"type": "echo", "scheduled_at": "2026-01-01T00:00:00Z", "delay": 1}, "validation", "#/delay"),
        ([1], "validation", "#"),
    ],
)
def test_a_wrong_body_is_told_where_it_is_wrong(client: APIClient, body: Any, code: str, pointer: str) -> None:
    answer = problem(client.post("/api/v1/jobs", body), 422, code)

    assert pointer in [error["pointer"] for error in answer["errors"]]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed-json"),
        (b'{"type": "echo", "payload": {"text": "\\u0000"}}', "application/json", 400, "malformed-json"),
        (b'{"type": "echo", "payload": {"text": "\\ud800"}}', "application/json", 400, "malformed-json"),
        (b'{"type": "echo", "priority": NaN}', "application/json", 400, "malformed-json"),
        (b'{"type": "echo", "payload": ' + b"[" * 5000 + b"]" * 5000 + b"}", "application/json", 400, "malformed-json"),
        (b"type=echo", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b'"' + b"x" * (5 << 20) + b'"', "application/json", 413, "body-too-large"),
    ],
)
def test_a_body_that_cannot_be_read(client: APIClient, body: bytes, content_type: str, status: int, code: str) -> None:
    problem(client.generic("POST", "/api/v1/jobs", body, content_type=content_type), status, code)


def test_a_workspace_is_made_when_it_is_new(submit: Submit) -> None:
    submit(workspace="team")
    submit(workspace="team")

    assert [workspace.jobs.count() for workspace in Workspace.objects.filter(name="team")] == [2]


def test_an_error_is_shown_without_its_traceback(client: APIClient, submit: Submit) -> None:
    job_id = submit()["job_id"]
    details = {"error_class": "ValueError", "kind": "retryable", "attempt": 1, "at": "x", "traceback": "secret"}
    set_status(job_id, Status.PROCESSING, error_message="no", error_details=details, error_history=[details])

    answer = client.get(f"/api/v1/jobs/{job_id}")

    told = {"class": "ValueError", "message": "no", "kind": "retryable", "attempt": 1, "at": "x"}
    assert answer.json()["error"] == told
    assert answer.json()["error_history"] == [{**told, "message": ""}]
    assert "secret" not in answer.content.decode()


def test_an_unchanged_job_is_not_sent_again(client: APIClient, submit: Submit) -> None:
    job_id = submit()["job_id"]

    assert client.get(f"/api/v1/jobs/{job_id}", HTTP_IF_NONE_MATCH='"v1"').status_code == 304
    assert client.get(f"/api/v1/jobs/{job_id}", HTTP_IF_NONE_MATCH='"v2"').status_code == 200


def test_changes_a_pending_job_with_its_version(client: APIClient, submit: Submit) -> None:
    job_id = submit()["job_id"]

    response = client.patch(f"/api/v1/jobs/{job_id}", {"priority": 80, "metadata": {"a": 1}}, HTTP_IF_MATCH='"v1"')

    assert response.status_code == 200
    assert response.json().items() >= {"priority": 80, "metadata": {"a": 1}, "version": 2}.items()
    assert response["ETag"] == '"v2"'
    stale = client.patch(f"/api/v1/jobs/{job_id}", {"priority": 1}, HTTP_IF_MATCH='"v1"')
    problem(stale, 412, "stale-version")
    missing = client.patch(f"/api/v1/jobs/{job_id}", {"priority": 1})
    problem(missing, 428, "if-match-missing")
    assert client.patch(f"/api/v1/jobs/{job_id}", {"priority": 1}, HTTP_IF_MATCH="*").status_code == 200


def test_a_running_job_cannot_be_changed(client: APIClient, submit: Submit) -> None:
    job_id = submit()["job_id"]
    set_status(job_id, Status.PROCESSING)

    answer = problem(client.patch(f"/api/v1/jobs/{job_id}", {"priority": 1}, HTTP_IF_MATCH="*"), 409, "invalid-state")

    assert answer["current_state"] == "processing"


@pytest.mark.parametrize("body", [{}, {"status": "completed"}, {"priority": None}, {"metadata": []}])
def test_a_change_names_what_can_be_changed(client: APIClient, submit: Submit, body: Any) -> None:
    job_id = submit()["job_id"]

    problem(client.patch(f"/api/v1/jobs/{job_id}", body, HTTP_IF_MATCH="*"), 422, "validation")


def test_cancels_retries_and_deletes(client: APIClient, submit: Submit, user: User) -> None:
    job_id = submit()["job_id"]

    cancelled = client.post(f"/api/v1/jobs/{job_id}/cancel", {"reason": "not needed"})
    assert cancelled.json()["status"] == "cancelled"
    assert client.post(f"/api/v1/jobs/{job_id}/retry").json()["status"] == "pending"
    assert client.delete(f"/api/v1/jobs/{job_id}").status_code == 204

    problem(client.get(f"/api/v1/jobs/{job_id}"), 404, "not-found")
    problem(client.delete(f"/api/v1/jobs/{job_id}"), 404, "not-found")
    acts = AuditEntry.objects.filter(target_id=job_id, actor=user).order_by("id")
    assert next((act.action, act.reason) for act in acts) == ("cancel", "not needed")
    assert {"retry", "delete"} <= {act.action for act in acts}


def test_what_the_state_does_not_allow_is_a_conflict(client: APIClient, submit: Submit) -> None:
    job_id = submit()["job_id"]
    set_status(job_id, Status.COMPLETED)
    for act in ("cancel", "retry"):
        problem(client.post(f"/api/v1/jobs/{job_id}/{act}"), 409, "invalid-state")
    running = submit()["job_id"]
    set_status(running, Status.PROCESSING)
    problem(client.delete(f"/api/v1/jobs/{running}"), 409, "invalid-state")


def test_jobs_of_others_do_not_exist_for_a_user(client_as: Callable[[Role], APIClient], submit: Submit) -> None:
    job_id = submit()["job_id"]
    other = client_as(Role.USER)

    problem(other.get(f"/api/v1/jobs/{job_id}"), 404, "not-found")
    problem(other.patch(f"/api/v1/jobs/{job_id}", {"priority": 1}, HTTP_IF_MATCH="*"), 404, "not-found")
    problem(other.post(f"/api/v1/jobs/{job_id}/cancel"), 404, "not-found")
    problem(other.post(f"/api/v1/jobs/{job_id}/retry"), 404, "not-found")
    problem(other.delete(f"/api/v1/jobs/{job_id}"), 404, "not-found")
    assert other.get("/api/v1/jobs").json()["data"] == []


def test_staff_see_every_job_and_only_operators_act(client_as: Callable[[Role], APIClient], submit: Submit) -> None:
    job_id = submit()["job_id"]

    for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
        assert client_as(role).get(f"/api/v1/jobs/{job_id}").status_code == 200
        assert [job["job_id"] for job in client_as(role).get("/api/v1/jobs").json()["data"]] == [job_id]
    viewer = client_as(Role.VIEWER)
    problem(viewer.post(f"/api/v1/jobs/{job_id}/cancel"), 403, "role-missing")
    problem(viewer.post("/api/v1/jobs", {"type": "echo"}), 403, "role-missing")
    assert client_as(Role.OPERATOR).post(f"/api/v1/jobs/{job_id}/cancel").json()["status"] == "cancelled"


def test_nobody_gets_in_without_a_key(client: APIClient, submit: Submit) -> None:
    job_id = submit()["job_id"]
    stranger = APIClient(raise_request_exception=False)

    for method, path in [("GET", "/jobs"), ("POST", "/jobs"), ("GET", f"/jobs/{job_id}"), ("POST", "/jobs/bulk")]:
        problem(stranger.generic(method, f"/api/v1{path}"), 401, "not-authenticated")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("PUT", "/jobs", 405, "method-not-allowed"),
        ("DELETE", "/jobs", 405, "method-not-allowed"),
        ("GET", "/jobs/bulk", 405, "method-not-allowed"),
        ("GET", "/jobs/00000000-0000-7000-8000-000000000000", 404, "not-found"),
        ("GET", "/jobs/not-an-id", 404, "not-found"),
        ("GET", "/jobs/%00", 400, "bad-request"),
        ("GET", "/jobs?tag=%00", 400, "bad-request"),
    ],
)
def test_wrong_addresses_and_methods(client: APIClient, method: str, path: str, status: int, code: str) -> None:
    problem(client.generic(method, f"/api/v1{path}"), status, code)


def test_a_deleted_job_is_listed_apart_and_restored(client: APIClient, submit: Submit) -> None:
    url = f"/api/v1/jobs/{submit()['job_id']}"
    kept = submit()["job_id"]
    assert client.delete(url).status_code == 204
    problem(client.get(url), 404, "not-found")

    def listed(**filters: str) -> list[str]:
        return [row["job_id"] for row in client.get("/api/v1/jobs", filters).json()["data"]]

    assert listed() == listed(deleted="false") == [kept]
    assert [f"/api/v1/jobs/{pk}" for pk in listed(deleted="true")] == [url]
    restored = client.post(f"{url}/restore", {"reason": "by mistake"})
    assert (restored.status_code, restored.json()["status"]) == (200, "cancelled")
    assert restored["ETag"] == client.get(url)["ETag"] == client.post(f"{url}/restore")["ETag"]
    assert AuditEntry.objects.get(action="restore").reason == "by mistake"
    problem(client.post(f"/api/v1/jobs/{UUID(int=7)}/restore"), 404, "not-found")
    problem(client.get("/api/v1/jobs", {"deleted": "perhaps"}), 400, "invalid-parameter")


def test_the_jobs_of_a_schedule(client: APIClient, user: User, submit: Submit) -> None:
    submit()
    schedule = schedules.create(user, name="x", job_type="echo", schedule_interval={"type": "manual"})
    ours = schedules.run_now(schedule.pk, user).id
    found = client.get("/api/v1/jobs", {"schedule": str(schedule.pk)}).json()["data"]
    assert [(row["job_id"], row["schedule_id"]) for row in found] == [(str(ours), str(schedule.pk))]
    problem(client.get("/api/v1/jobs", {"schedule": "x"}), 400, "invalid-parameter")
