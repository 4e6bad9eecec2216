"""Dependencies, batches and workflows over the API."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from jobs.models import Batch, Dependency, Job
from jobs.releasing import release_waiting
from jobs.testing import drain
from tests.api_client import client_of
from tests.factories import UserFactory
from tests.jobs import rows

pytestmark = pytest.mark.django_db

API = "/api/v1/"


@pytest.fixture
def client(actor: Any, note: Any) -> APIClient:
    return client_of(actor)


def post(client: APIClient, path: str, body: Any, status: int = 201) -> Any:
    response = client.post(API + path, body)
    assert response.status_code == status, response.content
    return response.json()


def submit(client: APIClient, **fields: Any) -> str:
    return str(post(client, "jobs", {"type": "note", **fields})["job_id"])


def test_a_job_waits_for_others(client: APIClient) -> None:
    first, second = submit(client), submit(client)
    job = post(
        client,
        "jobs",
        {
            "type": "note",
            "depends_on": [first, {"job_id": second, "condition": "ended"}],
            "on_failure": {"type": "note", "payload": {"alarm": True}},
            "parent_id": first,
        },
    )
    assert (job["waits_for"], job["parent_id"]) == ("jobs", first)
    shown = client.get(f"{API}jobs/{job['job_id']}/dependencies").json()
    about = {"type": "note", "job_status": "pending", "status": "open"}
    assert shown["depends_on"] == [
        {"job_id": first, "condition": "completed", **about},
        {"job_id": second, "condition": "ended", **about},
    ]
    assert (shown["depends_on_count"], shown["dependents_count"]) == (2, 1)
    assert shown["dependents"][0]["condition"] == "failed"
    listed = client.get(f"{API}jobs?parent={first}").json()["data"]
    assert job["job_id"] in [each["job_id"] for each in listed]


def test_jobs_of_others_are_not_there(client: APIClient) -> None:
    hers = submit(client_of(UserFactory()))
    mine = submit(client)
    for field, value in (("depends_on", [hers]), ("depends_on", [str(uuid4())]), ("parent_id", hers)):
        problem = post(client, "jobs", {"type": "note", field: value}, 422)
        assert problem["code"] == "unknown-dependency"
        assert problem["errors"][0]["pointer"] == f"#/{field}"
    results = post(
        client, "jobs/bulk", {"items": [{"type": "note", "depends_on": [each]} for each in (mine, hers)]}, 200
    )
    assert [each["status"] for each in results["results"]] == ["created", "rejected"]
    assert results["results"][1]["problem"]["code"] == "unknown-dependency"
    assert client.get(f"{API}jobs/{hers}/dependencies").status_code == 404


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"depends_on": "x"}, "#/depends_on"),
        ({"depends_on": [3]}, "#/depends_on/0"),
        ({"depends_on": [{"job_id": str(uuid4()), "condition": "maybe"}]}, "#/depends_on/0"),
        ({"depends_on": [{"job": str(uuid4())}]}, "#/depends_on/0"),
        ({"on_failure": {"payload": {}}}, "#/on_failure/type"),
        ({"on_failure": {"type": "note", "priority": 101}}, "#/on_failure/priority"),
        ({"parent_id": "x"}, "#/parent_id"),
    ],
)
def test_points_to_what_is_wrong(client: APIClient, fields: dict[str, Any], pointer: str) -> None:
    problem = post(client, "jobs", {"type": "note", **fields}, 422)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_a_batch_is_counted_and_followed(client: APIClient, actor: Any) -> None:
    body = {"name": "two", "jobs": [{"type": "note"}] * 2, "on_completed": {"type": "note"}, "metadata": {"for": "us"}}
    batch = post(client, "batches", body)
    assert (batch["name"], batch["total"], batch["user_id"], batch["is_workflow"]) == ("two", 2, "ada", False)
    assert (batch["progress"], batch["counts"]["pending"], batch["metadata"]) == (0, 2, {"for": "us"})
    rows.finish(Job.objects.get(pk=batch["job_ids"][0]))
    seen = client.get(f"{API}batches/{batch['batch_id']}").json()
    assert (seen["progress"], seen["counts"]["completed"]) == (50, 1)
    assert [str(job.pk) for job in drain()][-1] == batch["callback_id"]
    listed = client.get(f"{API}batches").json()["data"]
    assert [each["batch_id"] for each in listed] == [batch["batch_id"]]
    jobs = client.get(f"{API}jobs?batch={batch['batch_id']}").json()["data"]
    assert {each["batch_id"] for each in jobs} == {batch["batch_id"]}
    assert len(jobs) == 3


def test_a_batch_is_cancelled(client: APIClient) -> None:
    batch = post(client, "batches", {"jobs": [{"type": "note"}] * 3, "on_completed": {"type": "note"}})
    cancelled = post(client, f"batches/{batch['batch_id']}/cancel", {"reason": "enough"}, 200)
    assert (cancelled["counts"]["cancelled"], cancelled["progress"]) == (3, 100)
    release_waiting()
    assert Job.objects.get(pk=batch["callback_id"]).status == "cancelled"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/jobs"),
        ({"jobs": [{}]}, "#/jobs/0/type"),
        ({"jobs": [3]}, "#/jobs/0"),
        ({"jobs": [{"type": "note"}, {"type": "note", "unique_key": "k"}]}, "#/jobs/1/unique_key"),
        ({"jobs": [], "on_ended": {}, "on_completed": {}}, "#/on_ended"),
        ({"jobs": [], "on_ended": {"type": "note", "queue": "/"}}, "#/on_ended/queue"),
        ({"jobs": [], "name": 3}, "#/name"),
    ],
)
def test_a_batch_is_refused(client: APIClient, body: dict[str, Any], pointer: str) -> None:
    problem = post(client, "batches", body, 422)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert not Batch.objects.exists()


def test_a_workflow_runs(client: APIClient) -> None:
    steps = {
        "a": {"type": "note", "payload": {"n": 1}, "on_failure": "alarm"},
        "alarm": {"type": "note"},
        "b": {"type": "note", "depends_on": ["a"]},
        "c": {"type": "note", "depends_on": ["a", {"step": "b", "condition": "ended"}]},
    }
    flow = post(client, "workflows", {"name": "abc", "steps": steps})
    assert (flow["is_workflow"], flow["total"], flow["steps"].keys()) == (True, 4, steps.keys())
    assert Dependency.objects.count() == 4
    drain()
    seen = client.get(f"{API}batches/{flow['batch_id']}").json()
    assert (seen["counts"]["completed"], seen["counts"]["cancelled"], seen["progress"]) == (3, 1, 100)


@pytest.mark.parametrize(
    ("steps", "code", "pointer"),
    [
        ({"a": {"type": "note", "depends_on": ["b"]}, "b": {"type": "note", "depends_on": ["a"]}}, "cycle", "#/steps"),
        ({"a": {"type": "note", "depends_on": ["z"]}}, "unknown-step", "#/steps/a/depends_on"),
        ({"a": {"type": "note", "depends_on": "z"}}, "invalid", "#/steps/a/depends_on"),
        ({"a": {"type": "note", "depends_on": [{"job_id": "z"}]}}, "invalid", "#/steps/a/depends_on"),
        ({"a": {"type": "note", "on_failure": 3}}, "invalid", "#/steps/a/on_failure"),
        ({"a": {}}, "required", "#/steps/a/type"),
        ({"a": 3}, "invalid", "#/steps/a"),
        ({}, "number", "#/steps"),
        ({"a": {"type": "note", "unique_key": "k"}}, "invalid", "#/steps/a/unique_key"),
    ],
)
def test_a_workflow_is_refused(client: APIClient, steps: dict[str, Any], code: str, pointer: str) -> None:
    problem = post(client, "workflows", {"steps": steps}, 422)
    assert [(error["code"], error["pointer"]) for error in problem["errors"]] == [(code, pointer)]
    assert not Batch.objects.exists()


def test_batches_of_others_are_not_there(client: APIClient) -> None:
    other = client_of(UserFactory())
    batch = post(other, "batches", {"jobs": []})["batch_id"]
    assert client.get(f"{API}batches").json()["data"] == []
    assert client.get(f"{API}batches/{batch}").status_code == 404
    assert client.post(f"{API}batches/{batch}/cancel", {}).status_code == 404
