from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs.models import AuditEntry, Function
from jobs.registry import JobType, registry
from jobs.synchronizing import synchronize
from tests.api_client import client_of, problem
from tests.factories import UserFactory

URL = "/api/v1/functions"
WIDTH = {"type": "object", "properties": {"width": {"type": "integer"}}, "required": ["width"]}
THUMBNAIL: dict[str, Any] = {
    "language": "node",
    "title": "thumbnail",
    "description": "Make a picture small.",
    "schema_definition": WIDTH,
    "examples": [{"width": 120}],
    "version": "2.1",
    "tags": ["pictures"],
    "cache_seconds": 60,
    "timeout": 7.5,
    "max_retries": 1,
}


def register(operator: APIClient, **changes: Any) -> Any:
    return operator.post(URL, {**THUMBNAIL, **changes})


@pytest.fixture
def thumbnail(operator: APIClient) -> dict[str, Any]:
    response = register(operator)
    assert response.status_code == 201, response.content
    return {**response.json(), "etag": response["ETag"]}


def change(client: APIClient, name: str, etag: str = "*", **changes: Any) -> Any:
    return client.patch(f"{URL}/{name}", changes, HTTP_IF_MATCH=etag)


def test_a_function_is_registered_and_found(operator, thumbnail):
    assert {**THUMBNAIL, "language_title": "node-thumbnail", "is_active": True}.items() <= thumbnail.items()
    found = operator.get(f"{URL}/node-thumbnail")
    assert (found.status_code, found["ETag"]) == (200, thumbnail["etag"])
    assert found.json() == {name: value for name, value in thumbnail.items() if name != "etag"}
    assert found.json()["created_by"] == AuditEntry.objects.get(action="register").actor_name


def test_where_it_is(operator):
    assert register(operator)["Location"].endswith(f"{URL}/node-thumbnail")


def test_one_of_this_name_is_there(operator, thumbnail):
    problem(register(operator), 409, "already-exists")


def test_a_python_job_type_of_this_name_is_there(operator):
    registry.add(JobType("node-thumbnail", lambda ctx: None))
    try:
        problem(register(operator), 409, "already-exists")
    finally:
        registry.remove("node-thumbnail")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"language": "python"}, "#/language"),
        ({"language": "node-js"}, "#/language"),
        ({"language": "c++"}, "#/language"),
        ({"language": ""}, "#/language"),
        ({"title": "a/b"}, "#/title"),
        ({"title": "x" * 65}, "#/title"),
        ({"title": "a\x00"}, "#/title"),
        ({"schema_definition": {"type": "nothing"}}, "#/schema_definition/type"),
        ({"schema_definition": []}, "#/schema_definition"),
        ({"schema_definition": {"properties": {"a": {"$ref": "https://example.org/a.json"}}}}, "#/schema_definition"),
        ({"schema_definition": {"$ref": "file:///etc/passwd"}}, "#/schema_definition"),
        ({"schema_definition": {"$schema": "https://example.org/own"}}, "#/schema_definition"),
        ({"schema_definition": {"$ref": "#/$defs/nowhere"}}, "#/schema_definition"),
        ({"schema_definition": {"description": "x" * 70_000}}, "#/schema_definition"),
        ({"examples": [{"width": "120"}]}, "#/examples/0/width"),
        ({"examples": [{"width": 1}, {}]}, "#/examples/1"),
        ({"examples": {"width": 1}}, "#/examples"),
        ({"examples": [1]}, "#/examples/0"),
        ({"examples": [{"width": 1}] * 21}, "#/examples"),
        ({"version": ""}, "#/version"),
        ({"version": "1" * 33}, "#/version"),
        ({"tags": ["a"] * 11}, "#/tags"),
        ({"tags": [""]}, "#/tags/0"),
        ({"cache_seconds": 0}, "#/cache_seconds"),
        ({"cache_seconds": 1.5}, "#/cache_seconds"),
        ({"timeout": 0}, "#/timeout"),
        ({"max_retries": 101}, "#/max_retries"),
        ({"is_active": "yes"}, "#/is_active"),
        ({"created_by": "me"}, "#/created_by"),
    ],
)
def test_what_cannot_be_is_pointed_at(operator, changes, pointer):
    response = register(operator, **changes)
    if changes.get("title") == "a\x00":
        problem(response, 400, "malformed-json")
    else:
        assert [error["pointer"] for error in problem(response, 422, "validation")["errors"]][:1] == [pointer]
    assert not Function.objects.exclude(language="python").exists()


def test_a_schema_may_refer_to_itself(operator):
    own = {"$defs": {"size": {"type": "integer"}}, "properties": {"width": {"$ref": "#/$defs/size"}}}
    assert register(operator, schema_definition=own).status_code == 201
    older = register(operator, title="other", schema_definition={"$schema": "http://json-schema.org/draft-07/schema#"})
    assert older.status_code == 201


def test_without_a_schema_it_takes_anything(operator):
    made = operator.post(URL, {"language": "go", "title": "any"})
    assert made.status_code == 201
    assert made.json()["schema_definition"] is None and made.json()["version"] == "1.0.0"


@pytest.mark.parametrize("role", [Role.USER, Role.VIEWER, Role.WORKER])
def test_only_operators_keep_the_catalogue(client_as, thumbnail, role):
    other = client_as(role)
    problem(other.post(URL, THUMBNAIL), 403, "role-missing")
    problem(change(other, "node-thumbnail", version="9"), 403, "role-missing")


def test_fields_are_changed(operator, thumbnail):
    changed = change(operator, "node-thumbnail", thumbnail["etag"], version="3", description="Smaller.")
    assert changed.status_code == 200, changed.content
    assert (changed.json()["version"], changed.json()["description"], changed.json()["tags"]) == (
        *("3", "Smaller."),
        ["pictures"],
    )
    assert changed["ETag"] != thumbnail["etag"]
    problem(change(operator, "node-thumbnail", thumbnail["etag"], version="4"), 412, "stale-version")
    entry = AuditEntry.objects.get(action="change")
    assert entry.details == {
        "before": {"version": "2.1", "description": "Make a picture small."},
        "after": {"version": "3", "description": "Smaller."},
    }


def test_a_change_to_the_same_changes_nothing(operator, thumbnail):
    same = change(operator, "node-thumbnail", version="2.1")
    assert same["ETag"] == thumbnail["etag"]
    assert not AuditEntry.objects.filter(action="change").exists()


def test_a_change_needs_a_version_and_a_field(operator, thumbnail):
    problem(operator.patch(f"{URL}/node-thumbnail", {"version": "3"}), 428, "if-match-missing")
    problem(change(operator, "node-thumbnail"), 422, "validation")
    problem(change(operator, "node-thumbnail", language="go"), 422, "validation")
    problem(change(operator, "node-nothing", version="1"), 404, "not-found")


def test_examples_have_to_fit_the_schema_that_comes(operator, thumbnail):
    text = {"type": "object", "properties": {"width": {"type": "string"}}}
    body = problem(change(operator, "node-thumbnail", schema_definition=text), 422, "validation")
    assert [error["pointer"] for error in body["errors"]] == ["#/examples/0/width"]
    both = change(operator, "node-thumbnail", schema_definition=text, examples=[{"width": "1"}])
    assert both.status_code == 200
    assert change(operator, "node-thumbnail", schema_definition=None, examples=None).json()["examples"] is None


def test_pythons_are_only_switched_off_and_on(operator, client, echo_type):
    synchronize()
    body = problem(change(operator, "python-echo", version="9", tags=["a"]), 422, "validation")
    assert [error["pointer"] for error in body["errors"]] == ["#/tags", "#/version"]
    off = change(operator, "python-echo", is_active=False)
    assert off.json()["is_active"] is False
    synchronize()
    problem(client.post("/api/v1/jobs", {"type": "echo"}), 409, "function-inactive")
    problem(client.get(f"{URL}/python-echo"), 404, "not-found")
    assert operator.get(f"{URL}/python-echo").json()["is_active"] is False
    assert change(operator, "python-echo", is_active=True).json()["is_active"] is True
    assert client.post("/api/v1/jobs", {"type": "echo"}).status_code == 201


def test_a_python_function_without_its_handler_stays_off(operator):
    Function.objects.create(language="python", title="gone", language_title="python-gone", is_active=False)
    body = problem(change(operator, "python-gone", is_active=True), 422, "validation")
    assert [error["code"] for error in body["errors"]] == ["no-handler"]


def names(client: APIClient, **query: Any) -> list[str]:
    response = client.get(URL, query)
    assert response.status_code == 200, response.content
    return [row["language_title"] for row in response.json()["data"]]


@pytest.fixture
def several(operator: APIClient, db: None) -> None:
    Function.objects.all().delete()
    for language, title, tags in [("go", "add", ["math"]), ("go", "sub", None), ("node", "add", ["math", "old"])]:
        register(
            operator,
            language=language,
            title=title,
            tags=tags,
            description=f"It can {title} in {language}: 100 % sure_ly.",
        )
    change(operator, "node-add", is_active=False)


def test_users_see_what_they_may_call(several, client, operator, client_as):
    assert names(client) == ["go-add", "go-sub"]
    assert names(operator) == names(client_as(Role.VIEWER)) == ["go-add", "go-sub", "node-add"]
    only_node = client_of(UserFactory(allowed_languages=["node"]))
    assert names(only_node) == []
    problem(only_node.get(f"{URL}/go-add"), 404, "not-found")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"language": "go"}, ["go-add", "go-sub"]),
        ({"language": "g"}, []),
        ({"tag": "math"}, ["go-add", "node-add"]),
        ({"tag": "math", "active": "true"}, ["go-add"]),
        ({"active": "false"}, ["node-add"]),
        ({"search": "ADD"}, ["go-add", "node-add"]),
        ({"search": "in NODE"}, ["node-add"]),
        ({"search": "100 %"}, ["go-add", "go-sub", "node-add"]),
        ({"search": "e_l"}, ["go-add", "go-sub", "node-add"]),
        ({"search": "%_"}, []),
    ],
)
def test_filters(several, operator, query, found):
    assert names(operator, **query) == found


@pytest.mark.parametrize("query", [{"activ": "true"}, {"active": "yes"}, {"language": ""}])
def test_wrong_parameters_are_refused(operator, query):
    problem(operator.get(URL, query), 400, "invalid-parameter")


def test_pages_go_by_name(several, operator):
    first = operator.get(URL, {"limit": 2}).json()
    assert [row["title"] for row in first["data"]] == ["add", "sub"]
    rest = operator.get(URL, {"limit": 2, "cursor": first["page"]["next"]}).json()
    assert [row["language_title"] for row in rest["data"]] == ["node-add"]
    assert rest["page"]["next"] is None


def test_a_registration_sent_twice_is_done_once(operator):
    key = {"HTTP_IDEMPOTENCY_KEY": "thumbnail"}
    one, two = (operator.post(URL, THUMBNAIL, **key) for _ in range(2))
    assert (one.status_code, two.status_code, two["Idempotency-Replayed"]) == (201, 201, "true")
    assert one.json() == two.json()


def test_submitting_a_function_of_another_language(operator, client, user, thumbnail):
    job = client.post("/api/v1/jobs", {"type": "node-thumbnail", "payload": {"width": 3}}).json()
    assert (job["queue"], job["timeout"], job["max_retries"]) == ("lang.node", 7.5, 1)
    elsewhere = {"type": "node-thumbnail", "payload": {"width": 3}, "queue": "default"}
    problem(client.post("/api/v1/jobs", elsewhere), 422, "invalid-option")
    problem(client.post("/api/v1/jobs", {"type": "node-thumbnail"}), 422, "invalid-payload")
    User.objects.filter(pk=user.pk).update(allowed_languages=["python"])
    refused = problem(client.post("/api/v1/jobs", {"type": "node-thumbnail"}), 403, "language-not-allowed")
    assert refused["language"] == "node"


def test_a_bulk_submission_is_refused_item_by_item(operator, client, user, thumbnail):
    User.objects.filter(pk=user.pk).update(allowed_languages=["node"])
    items = [
        {"type": "node-thumbnail", "payload": {"width": 3}},
        {"type": "echo"},
        {"type": "nothing"},
        {"type": "node-thumbnail", "payload": {}},
    ]
    results = client.post("/api/v1/jobs/bulk", {"items": items}).json()["results"]
    assert [result.get("problem", {}).get("code") for result in results] == [
        *(None, "language-not-allowed"),
        *("unknown-job-type", "invalid-payload"),
    ]
    none = problem(client.post("/api/v1/jobs/bulk", {"items": items[:2], "atomic": True}), 422, "validation")
    assert [(error["pointer"], error["code"]) for error in none["errors"]] == [("#/items/1", "language-not-allowed")]
    change(operator, "node-thumbnail", is_active=False)
    (result,) = client.post("/api/v1/jobs/bulk", {"items": items[:1]}).json()["results"]
    assert result["problem"]["code"] == "function-inactive"


def test_internal_types_are_not_listed(client):
    listed = {row["name"] for row in client.get("/api/v1/job-types").json()["data"]}
    assert "echo" in listed and not any(name.startswith("bench") for name in listed)


def test_every_answer_of_a_role(client_as: Callable[[Role], APIClient], several: None) -> None:
    """Whoever is logged in may look."""
    for role in Role:
        assert client_as(role).get(URL).status_code == 200
