import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from config import caches
from jobs import result_cache
from jobs.models import Function, Job
from jobs.outcomes import Attempt, Completed, DeadLettered
from jobs.registry import registry
from jobs.statuses import Priority, Status
from jobs.testing import run_job
from jobs.worker.keeping import keep_results
from tests.api_client import client_of, problem
from tests.factories import UserFactory
from tests.redis_server import NOBODY, forget, redis_server

pytestmark = pytest.mark.django_db


def add(ctx: Any, a: int, b: int = 0) -> dict[str, int]:
    """Add two numbers."""
    return {"sum": a + b}


@pytest.fixture
def adding(register: Any) -> None:
    register("add", add, cache=60, version="1.1")


@pytest.fixture
def thumbnail(db: None) -> Function:
    schema = {"type": "object", "properties": {"width": {"type": "integer"}}, "required": ["width"]}
    return Function.objects.create(
        language="node", title="thumbnail", language_title="node-thumbnail", schema_definition=schema, cache_seconds=60
    )


def invoke(client: APIClient, name: str, params: Any = None, wait: str = "", **more: Any) -> Any:
    headers = {name: more.pop(name) for name in list(more) if name.startswith("HTTP_")}
    body = {**({} if params is None else {"params": params}), **more}
    return client.post(f"/api/v1/functions/{name}/invoke{wait}", body, **headers)


def test_without_waiting_the_answer_is_the_job(client, user):
    response = invoke(client, "python-echo", {"text": "hi"}, HTTP_X_REQUEST_ID="request-7")
    assert response.status_code == 202
    body = response.json()
    assert body == {"job_id": body["job_id"], "status": "pending", "result": None, "cached": False}
    assert response["Location"].endswith(f"/api/v1/jobs/{body['job_id']}")
    assert "Cache-Status" not in response
    job = Job.objects.get(pk=body["job_id"])
    assert (job.job_type, job.queue, job.payload, job.user) == ("echo", "echoes", {"text": "hi"}, user)
    assert (job.request_id, job.unique_key, job.priority) == ("request-7", None, Priority.NORMAL)


def test_a_function_of_another_language(client, thumbnail):
    job = Job.objects.get(pk=invoke(client, "node-thumbnail", {"width": 3}).json()["job_id"])
    assert (job.job_type, job.queue) == ("node-thumbnail", "lang.node")


def test_what_the_caller_may_choose(client):
    chosen = {"priority": 9, "timeout": 2.5, "metadata": {"desk": "night"}}
    job = Job.objects.get(pk=invoke(client, "python-echo", **chosen).json()["job_id"])
    assert (job.priority, job.timeout, job.metadata, job.payload) == (9, 2.5, {"desk": "night"}, {})


def test_the_parameters_are_checked(client):
    wrong = problem(invoke(client, "python-echo", {"times": "x", "what": 1}), 422, "invalid-payload")
    assert {error["pointer"] for error in wrong["errors"]} == {"#/params/times", "#/params"}
    for params in ([], "x", 5):
        unlike = problem(invoke(client, "python-echo", params), 422, "validation")
        assert [error["pointer"] for error in unlike["errors"]] == ["#/params"]
    for more in ({"parms": {}}, {"queue": "x"}, {"priority": 101}, {"timeout": -1}):
        problem(invoke(client, "python-echo", **more), 422, "validation")
    large = problem(invoke(client, "python-echo", {"text": "x" * 300_000}), 422, "invalid-payload")
    assert large["errors"][0]["pointer"] == "#/params"
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["python-nothing", "echo", "node-echo", "python-bench_thread", "bench_thread", "-"])
def test_functions_that_are_not_there(client, name):
    problem(invoke(client, name), 404, "unknown-function")


def test_a_function_that_is_switched_off(client, thumbnail):
    thumbnail.is_active = False
    thumbnail.save()
    problem(invoke(client, "node-thumbnail", {"width": 3}), 409, "function-inactive")
    Function.objects.create(language="python", title="echo", language_title="python-echo", is_active=False)
    problem(invoke(client, "python-echo"), 409, "function-inactive")


def test_languages_of_the_user(client, user, thumbnail):
    User.objects.filter(pk=user.pk).update(allowed_languages=["node"])
    refused = problem(invoke(client, "python-echo"), 403, "language-not-allowed")
    assert refused["language"] == "python"
    assert invoke(client, "node-thumbnail", {"width": 3}).status_code == 202


def test_roles(client_as, thumbnail):
    problem(invoke(client_as(Role.VIEWER), "python-echo"), 403, "role-missing")
    problem(invoke(APIClient(), "python-echo"), 401, "not-authenticated")
    for role in (Role.OPERATOR, Role.ADMIN, Role.WORKER):
        assert invoke(client_as(role), "python-echo").status_code == 202


def test_parameters_of_the_address(client):
    problem(invoke(client, "python-echo", wait="?wait=x"), 422, "validation")
    problem(invoke(client, "python-echo", wait="?wiat=5"), 422, "validation")
    # This handler cannot wait, and says what there is.
    assert invoke(client, "python-echo", wait="?wait=5").status_code == 202


def test_sent_twice_with_a_key_it_is_one_call(client):
    one, two = (invoke(client, "python-echo", {"text": "x"}, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))
    assert one.json() == two.json() and two["Idempotency-Replayed"] == "true"
    assert two["Location"] == one["Location"]
    problem(invoke(client, "python-echo", {"text": "y"}, HTTP_IDEMPOTENCY_KEY="k"), 422, "idempotency-key-reused")
    assert Job.objects.count() == 1


def finish(job_id: str) -> None:
    """Run the job here, and keep its result where the worker does."""
    job = run_job(Job.objects.get(pk=job_id))
    assert job.status == Status.COMPLETED
    result_cache.store("python-add", "1.1", job.payload, json.dumps(job.result), 60)


def test_the_same_parameters_are_answered_from_the_cache(client, adding):
    first = invoke(client, "python-add", {"a": 1, "b": 2})
    assert (first.status_code, first["Cache-Status"]) == (202, "ekiden; fwd=miss")
    finish(first.json()["job_id"])
    for params in ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}):
        again = invoke(client, "python-add", params)
        assert (again.status_code, "Location" in again) == (200, False)
        assert again.json() == {"job_id": None, "status": "completed", "result": {"sum": 3}, "cached": True}
        assert again["Cache-Status"] in {"ekiden; hit; ttl=60", "ekiden; hit; ttl=59", "ekiden; hit; ttl=58"}
    assert invoke(client, "python-add", {"a": 1, "b": 3}).status_code == 202
    assert Job.objects.count() == 2


def test_the_cache_is_everybodys_who_may_call_it(client, adding):
    finish(invoke(client, "python-add", {"a": 1}).json()["job_id"])
    assert invoke(client_of(UserFactory()), "python-add", {"a": 1}).json()["cached"]
    barred = client_of(UserFactory(allowed_languages=["node"]))
    problem(invoke(barred, "python-add", {"a": 1}), 403, "language-not-allowed")
    wrong = invoke(client, "python-add", {"a": "1"})
    problem(wrong, 422, "invalid-payload")


def test_a_cached_answer_costs_no_write(client, adding):
    finish(invoke(client, "python-add", {"a": 1}).json()["job_id"])
    invoke(client, "python-add", {"a": 1})
    with CaptureQueriesContext(connection) as context:
        assert invoke(client, "python-add", {"a": 1}).json()["cached"]
    written = [query["sql"] for query in context if query["sql"].lstrip().startswith(("INSERT", "UPDATE", "DELETE"))]
    assert written == []


def test_a_new_version_has_results_of_its_own(client, register):
    register("add", add, cache=60, version="1.1")
    finish(invoke(client, "python-add", {"a": 1}).json()["job_id"])
    registry.remove("add")
    register("add", add, cache=60, version="1.2")
    assert invoke(client, "python-add", {"a": 1}).status_code == 202


def test_calls_at_the_same_time_share_a_job(client, adding):
    one, two = invoke(client, "python-add", {"a": 1}), invoke(client, "python-add", {"a": 1.0, "b": 0})
    assert two.json()["job_id"] != one.json()["job_id"]
    three = invoke(client, "python-add", {"a": 1})
    assert (three.status_code, three.json()["job_id"]) == (202, one.json()["job_id"])
    assert three["Cache-Status"] == "ekiden; fwd=miss; collapsed"
    other = invoke(client_of(UserFactory()), "python-add", {"a": 1})
    assert other.json()["job_id"] != one.json()["job_id"]


def test_without_a_cache_time_every_call_has_its_job(client):
    one, two = (invoke(client, "python-echo", {"text": "x"}).json()["job_id"] for _ in range(2))
    assert one != two


def test_a_result_that_comes_between_the_two_looks_is_found(client, adding, monkeypatch):
    """The job of another call ended after the first look, so its key is free: its result is there by now."""
    looks = []
    real = result_cache.find

    def find(*call: Any) -> Any:
        looks.append(call)
        if len(looks) == 1:
            kept = real(*call)
            result_cache.store(*call, '{"sum": 1}', 60)
            return kept
        return real(*call)

    monkeypatch.setattr(result_cache, "find", find)
    response = invoke(client, "python-add", {"a": 1})
    assert (response.status_code, response.json()["cached"], len(looks)) == (200, True, 2)
    assert not Job.objects.exists()


def test_a_worker_keeps_results_of_those_only_that_ask_for_it(adding, register):
    def attempt(job_type: str, payload: str) -> Attempt:
        return Attempt("1", 1, job_type, "default", 5, payload, 1, 0, 3, None, 0.0)

    register("plain", add)
    keep_results(
        [
            (attempt("add", '{"a": 1}'), Completed('{"sum":1}')),
            (attempt("add", '{"a": 2}'), DeadLettered({})),
            (attempt("plain", '{"a": 3}'), Completed('{"sum":3}')),
            (attempt("nothing", "not JSON"), Completed("3")),
        ]
    )
    kept = result_cache.find("python-add", "1.1", {"a": 1})
    assert kept is not None and kept.result == {"sum": 1}
    assert result_cache.find("python-add", "1.1", {"a": 2}) is None
    assert result_cache.find("python-plain", "1.0.0", {"a": 3}) is None


def test_calls_are_noted_for_the_log(client, adding, user):
    def noted(response: Any) -> list[tuple[Any, ...]]:
        calls = response.wsgi_request.calls
        return [(call.language_title, call.payload, str(call.job_id), call.cached, call.shared) for call in calls]

    first = invoke(client, "python-add", {"a": 1})
    job_id = first.json()["job_id"]
    assert noted(first) == [("python-add", {"a": 1}, job_id, False, False)]
    assert noted(invoke(client, "python-add", {"a": 1})) == [("python-add", {"a": 1}, job_id, False, True)]
    finish(job_id)
    assert noted(invoke(client, "python-add", {"a": 1})) == [("python-add", {"a": 1}, "None", True, False)]
    assert noted(invoke(client, "python-add")) == [("python-add", None, "None", False, False)]
    assert noted(invoke(client, "made-up", {"a": 1})) == [("unknown", {"a": 1}, "None", False, False)]
    job = client.post("/api/v1/jobs", {"type": "echo", "payload": {"text": "a"}})
    assert noted(job) == [("python-echo", {"text": "a"}, job.json()["job_id"], False, False)]
    assert noted(client.post("/api/v1/jobs", {"job_type": "echo", "payload": 5})) == [
        ("python-echo", 5, "None", False, False)
    ]
    items = [{"type": "echo"}, {"type": "made up"}, {"type": "add", "payload": {}}, {"type": 5}]
    bulk = client.post("/api/v1/jobs/bulk", {"items": items})
    ids = [str(result["id"]) for result in bulk.json()["results"]]
    assert noted(bulk) == [
        ("python-echo", None, ids[0], False, False),
        ("unknown", None, "None", False, False),
        ("python-add", {}, "None", False, False),
        ("unknown", None, "None", False, False),
    ]
    refused = client.post("/api/v1/jobs/bulk", {"items": items, "atomic": True})
    assert [call[2] for call in noted(refused)] == ["None"] * 4


@pytest.mark.django_db(transaction=True)
def test_twenty_calls_at_once_make_one_job(client, user, adding):
    key, start, callers = client._credentials["HTTP_AUTHORIZATION"], Barrier(20), 20

    def call(n: int) -> Any:
        mine = APIClient()
        mine.credentials(HTTP_AUTHORIZATION=key)
        start.wait(20)
        try:
            return invoke(mine, "python-add", {"a": 5})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(call, range(callers)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["job_id"] for answer in answers}) == Job.objects.count() == 1
    assert sorted("collapsed" in answer["Cache-Status"] for answer in answers) == [False] + [True] * 19


@pytest.fixture(autouse=True)
def _empty_cache(db: None) -> Any:
    yield
    cache.clear()


def test_the_cache_may_be_redis(client, adding, tmp_path):
    with redis_server(tmp_path) as url, override_settings(CACHES={"default": caches.default(url)}):
        finish(invoke(client, "python-add", {"a": 1}).json()["job_id"])
        again = invoke(client, "python-add", {"a": 1})
        cache.close()
    assert (again.status_code, again.json()["cached"]) == (200, True)


def test_without_redis_functions_run(client, adding):
    with override_settings(CACHES={"default": caches.default(NOBODY)}):
        assert invoke(client, "python-add", {"a": 1}).status_code == 202
    forget(NOBODY)
