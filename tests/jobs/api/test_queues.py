from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime
from django.utils.timezone import now
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs.bulk.selecting import Selection
from jobs.models import AuditEntry, BulkOperation
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


RULES = {"concurrency_limit": 3, "rate_limit": "60/m", "fair": True}


def test_rules_are_set_and_taken_away(operator: APIClient) -> None:
    found = operator.get("/api/v1/queues/echoes").json()
    assert {"concurrency_limit": None, "rate_limit": None, "fair": False, "waiting": 0}.items() <= found.items()
    answer = operator.patch("/api/v1/queues/echoes", RULES)
    assert answer.status_code == 200 and RULES.items() <= answer.json().items()
    assert operator.patch("/api/v1/queues/echoes", {"rate_limit": None}).json()["rate_limit"] is None
    assert {**RULES, "rate_limit": None}.items() <= operator.get("/api/v1/queues/echoes").json().items()
    entries = AuditEntry.objects.filter(target_id="echoes").order_by("id")
    assert [entry.action for entry in entries] == ["configure", "configure"]
    assert operator.patch("/api/v1/queues/nothing-yet", {"fair": True}).json()["fair"] is True


@pytest.mark.parametrize(
    ("rules", "pointer"),
    [
        ({}, "#"),
        ({"concurrency_limit": 0}, "#/concurrency_limit"),
        ({"concurrency_limit": "3"}, "#/concurrency_limit"),
        ({"rate_limit": "often"}, "#/rate_limit"),
        ({"rate_limit": "1/32d"}, "#/rate_limit"),
        ({"rate_limit": "1/m\n"}, "#/rate_limit"),
        ({"fair": None}, "#/fair"),
        ({"paused": True}, "#/paused"),
    ],
)
def test_rules_that_cannot_be(operator: APIClient, rules: dict[str, Any], pointer: str) -> None:
    errors = problem(operator.patch("/api/v1/queues/echoes", rules), 422, "validation")["errors"]
    assert [error["pointer"] for error in errors] == [pointer]
    assert not AuditEntry.objects.exists()


def test_rules_are_for_operators(client: APIClient, client_as: Callable[[Role], APIClient]) -> None:
    for asker in (client, client_as(Role.VIEWER)):
        problem(asker.patch("/api/v1/queues/echoes", RULES), 403, "role-missing")


def test_a_pause_has_an_end(operator: APIClient) -> None:
    end = (now() + timedelta(hours=1)).isoformat()
    paused = operator.post("/api/v1/queues/echoes/pause", {"reason": "maintenance", "resume_at": end}).json()
    assert (paused["paused"], parse_datetime(paused["resume_at"])) == (True, parse_datetime(end))
    assert paused["paused_by"]
    gone = (now() - timedelta(hours=1)).isoformat()
    problem(operator.post("/api/v1/queues/other/pause", {"resume_at": gone}), 422, "invalid-option")
    problem(operator.post("/api/v1/queues/other/pause", {"resume_at": "soon"}), 422, "validation")


def test_a_queue_is_emptied_of_what_waits_and_not_of_what_comes(
    operator: APIClient, submit: Callable[..., dict[str, Any]]
) -> None:
    first, second = submit(), submit()
    dry = operator.post("/api/v1/queues/echoes/purge").json()
    assert dry == {"dry_run": True, "matched": 2, "capped": False, "operation_id": None}
    cut = operator.get(f"/api/v1/jobs/{second['job_id']}").json()["created_at"]
    response = operator.post("/api/v1/queues/echoes/purge", {"dry_run": False, "before": cut, "reason": "too many"})
    assert response.status_code == 202
    operation = BulkOperation.objects.get(pk=response.json()["operation_id"])
    assert response["Location"].endswith(f"/bulk-operations/{operation.pk}")
    assert (operation.target, operation.action, operation.reason) == ("job", "cancel", "too many")
    assert [str(pk) for pk in Selection.of(operation).rows().values_list("pk", flat=True)] == [first["job_id"]]
    ahead = (now() + timedelta(hours=1)).isoformat()
    wrong = operator.post("/api/v1/queues/echoes/purge", {"dry_run": False, "before": ahead})
    problem(wrong, 422, "invalid-option")
    problem(operator.post("/api/v1/queues/echoes/purge", {"action": "burn"}), 422, "validation")


def test_a_purge_is_for_operators(client: APIClient, client_as: Callable[[Role], APIClient]) -> None:
    for each in (client, client_as(Role.VIEWER)):
        problem(each.post("/api/v1/queues/echoes/purge"), 403, "role-missing")
