from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs.models import AuditEntry
from jobs.statuses import Status
from tests.api_client import problem
from tests.jobs.api.conftest import set_status


def test_tells_how_full_queues_are(operator: APIClient, submit: Callable[..., dict[str, Any]]) -> None:
    submit(delay=60)
    set_status(submit()["job_id"], Status.PROCESSING)
    submit(queue="other")

    queues = {queue["name"]: queue for queue in operator.get("/api/v1/queues").json()["data"]}

    assert (queues["echoes"]["depth"], queues["echoes"]["processing"]) == (1, 1)
    assert queues["echoes"]["oldest_age_seconds"] == 0
    assert queues["other"]["oldest_age_seconds"] > 0
    assert operator.get("/api/v1/queues/echoes").json() == queues["echoes"]
    problem(operator.get("/api/v1/queues/nowhere"), 404, "not-found")
    problem(operator.get("/api/v1/queues?name=x"), 400, "invalid-parameter")


def test_a_queue_of_a_job_type_is_there_while_it_is_empty(operator: APIClient) -> None:
    assert operator.get("/api/v1/queues/echoes").json()["depth"] == 0


def test_pauses_and_resumes(operator: APIClient) -> None:
    paused = operator.post("/api/v1/queues/echoes/pause", {"reason": "deployment"}).json()
    assert (paused["paused"], paused["paused_reason"]) == (True, "deployment")
    assert paused["paused_at"]

    resumed = operator.post("/api/v1/queues/echoes/resume").json()
    assert (resumed["paused"], resumed["paused_at"], resumed["paused_reason"]) == (False, None, "")
    acts = AuditEntry.objects.filter(target_id="echoes").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["pause", "resume"]


def test_resuming_what_was_never_paused_changes_nothing(operator: APIClient) -> None:
    for name in ("echoes", "nothing-yet"):
        assert operator.post(f"/api/v1/queues/{name}/resume").json()["paused"] is False
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("name", ["a b", "x" * 65, "%2e%2e", ".x", "走"])
def test_a_name_that_no_queue_can_have(operator: APIClient, name: str) -> None:
    problem(operator.post(f"/api/v1/queues/{name}/pause"), 404, "not-found")


def test_queues_are_for_operators(client: APIClient, client_as: Callable[[Role], APIClient]) -> None:
    problem(client.get("/api/v1/queues"), 403, "role-missing")
    problem(client.post("/api/v1/queues/echoes/pause"), 403, "role-missing")
    assert client_as(Role.VIEWER).get("/api/v1/queues").status_code == 200
    problem(client_as(Role.VIEWER).post("/api/v1/queues/echoes/pause"), 403, "role-missing")
