from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils.timezone import now
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs.models import AuditEntry, Worker
from tests.api_client import problem
from tests.jobs.rows import new_job, start

WORKERS = "/api/v1/workers"


@pytest.fixture
def relay(db: None) -> Worker:
    return Worker.objects.create(id="relay-1:7f", hostname="relay-1", pid=7, queues=["mail"], concurrency=5, running=1)


def test_tells_which_workers_there_are_and_what_they_hold(operator: APIClient, relay: Worker) -> None:
    Worker.objects.create(
        id="b", hostname="b", pid=8, queues=[], concurrency=1, heartbeat_at=now() - timedelta(minutes=5)
    )
    job = new_job()
    start(job, relay.pk)

    listed = operator.get(WORKERS).json()["data"]
    assert [(each["id"], each["state"], each["slots"]) for each in listed] == [
        (relay.pk, "alive", 5),
        ("b", "silent", 1),
    ]
    one = operator.get(f"{WORKERS}/{relay.pk}").json()
    assert {name: one[name] for name in listed[0]} == listed[0]
    assert [held["job_id"] for held in one["jobs"]] == [str(job.pk)] and one["jobs"][0]["expires_at"]
    problem(operator.get(f"{WORKERS}/nobody"), 404, "not-found")
    problem(operator.get(f"{WORKERS}?state=alive"), 400, "invalid-parameter")


def test_asks_a_worker_to_drain(operator: APIClient, relay: Worker) -> None:
    assert operator.post(f"{WORKERS}/{relay.pk}/quiet").json()["state"] == "quiet"
    assert operator.post(f"{WORKERS}/{relay.pk}/wake").json()["state"] == "alive"
    drained = operator.post(f"{WORKERS}/{relay.pk}/drain", {"reason": "a new kernel"}).json()
    assert (drained["state"], drained["wish"]) == ("draining", "drain")
    refused = problem(operator.post(f"{WORKERS}/{relay.pk}/wake"), 409, "invalid-state")
    assert refused["current_state"] == "draining"
    acts = AuditEntry.objects.filter(target_id=relay.pk).order_by("id").values_list("action", "reason")
    assert list(acts) == [("quiet", ""), ("wake", ""), ("drain", "a new kernel")]
    problem(operator.post(f"{WORKERS}/nobody/drain"), 404, "not-found")


def test_workers_are_for_operators(client: APIClient, client_as: Callable[[Role], APIClient], relay: Worker) -> None:
    problem(client.get(WORKERS), 403, "role-missing")
    viewer = client_as(Role.VIEWER)
    assert viewer.get(WORKERS).status_code == viewer.get(f"{WORKERS}/{relay.pk}").status_code == 200
    for act in ("drain", "quiet", "wake"):
        problem(viewer.post(f"{WORKERS}/{relay.pk}/{act}"), 403, "role-missing")
