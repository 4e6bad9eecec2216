from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs import catalogue
from jobs.models import AuditEntry, Function, Job, Session
from jobs.registry import JobType, registry
from tests.api_client import client_of, problem
from tests.factories import UserFactory

SESSIONS = "/api/v1/sessions"
ClientAs = Callable[[Role], APIClient]


def translate(ctx: Any, text: str, target: str, formal: bool = False) -> str:
    """Translate a text."""
    return text


@pytest.fixture
def translate_type() -> Iterator[JobType]:
    job_type = JobType("translate", translate)
    registry.add(job_type)
    yield job_type
    registry.remove("translate")
    catalogue.forget()


@pytest.fixture
def client(user: User, translate_type: JobType) -> APIClient:
    return client_of(user)


@pytest.fixture
def session(client: APIClient) -> dict[str, Any]:
    return opened(client)


def opened(client: APIClient, **body: Any) -> dict[str, Any]:
    response = client.post(SESSIONS, {"language_title": "python-translate", "context": {"target": "fr"}, **body})
    assert response.status_code == 201, response.content
    return dict(response.json())


def address(session: dict[str, Any], *more: str) -> str:
    return "/".join([SESSIONS, session["request_id"], *more])


def end(session: dict[str, Any], **columns: Any) -> None:
    Session.objects.filter(pk=session["request_id"]).update(**columns)


def past() -> Any:
    return Now() - timedelta(seconds=1)


def seconds_left(session: dict[str, Any]) -> float:
    return (datetime.fromisoformat(session["expires_at"]) - timezone.now()).total_seconds()


def test_opens_a_session(client: APIClient, user: User) -> None:
    body = {"language_title": "python-translate", "context": {"target": "fr"}, "metadata": {"desk": 7}, "ttl": 120}

    response = client.post(SESSIONS, body)

    assert response.status_code == 201
    answer = response.json()
    assert response["Location"].endswith(address(answer))
    told = {"language_title": "python-translate", "context": {"target": "fr"}, "metadata": {"desk": 7}}
    told |= {"status": "active", "execution_count": 0, "last_executed_at": None, "user_id": user.user_id}
    assert answer.items() >= told.items()
    assert 100 < seconds_left(answer) <= 120
    assert client.get(response["Location"]).json() == answer


def test_a_session_lives_as_long_as_the_settings_say(client: APIClient, settings: Any) -> None:
    settings.SESSION_TTL, settings.SESSION_MAX_TTL = 50, 100

    assert 40 < seconds_left(opened(client)) <= 50
    assert 90 < seconds_left(opened(client, ttl=100)) <= 100
    answer = problem(client.post(SESSIONS, {"language_title": "python-translate", "ttl": 101}), 422, "validation")
    assert answer["errors"][0]["pointer"] == "#/ttl"


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "validation", "#/language_title"),
        ({"language_title": 5}, "validation", "#/language_title"),
        ({"language_title": "python-translate", "request_id": "mine"}, "validation", "#/request_id"),
        ({"language_title": "python-translate", "execution_count": 5}, "validation", "#/execution_count"),
        ({"language_title": "python-translate", "context": []}, "validation", "#/context"),
        ({"language_title": "python-translate", "ttl": 0}, "validation", "#/ttl"),
        ({"language_title": "python-translate", "ttl": "1h"}, "validation", "#/ttl"),
        ({"language_title": "python-translate", "context": {"traget": "fr"}}, "invalid-payload", "#/context"),
        ({"language_title": "python-translate", "context": {"target": 5}}, "invalid-payload", "#/context/target"),
        ({"language_title": "python-translate", "context": {"text": "x" * 300_000}}, "invalid-payload", "#/context"),
        ({"language_title": "python-translate", "metadata": {"a": "x" * 70_000}}, "invalid-option", "#/metadata"),
    ],
)
def test_a_wrong_session_is_told_where_it_is_wrong(client: APIClient, body: Any, code: str, pointer: str) -> None:
    answer = problem(client.post(SESSIONS, body), 422, code)

    assert pointer in [error["pointer"] for error in answer["errors"]]
    assert not Session.objects.exists()


def test_a_function_that_is_not_there_or_switched_off(client: APIClient) -> None:
    unknown = client.post(SESSIONS, {"language_title": "python-nothing"})
    problem(unknown, 404, "unknown-function")
    Function.objects.create(language="node", title="off", language_title="node-off", is_active=False)
    problem(client.post(SESSIONS, {"language_title": "node-off"}), 409, "function-inactive")
    assert not Session.objects.exists()


def test_executes_with_context_and_parameters(client: APIClient, session: dict[str, Any], user: User) -> None:
    response = client.post(address(session, "execute"), {"params": {"text": "hi"}}, HTTP_X_REQUEST_ID="trace-1")

    assert response.status_code == 202
    job = Job.objects.get()
    assert response.json() == {"job_id": str(job.pk), "status": "pending", "result": None, "cached": False}
    assert response["Location"].endswith(f"/api/v1/jobs/{job.pk}")
    assert (job.job_type, job.payload) == ("translate", {"target": "fr", "text": "hi"})
    assert (job.user, job.session, job.request_id) == (user, session["request_id"], "trace-1")
    after = client.get(address(session)).json()
    assert after["execution_count"] == 1
    assert after["last_executed_at"] is not None
    assert client.get(response["Location"]).json()["payload"] == {"target": "fr", "text": "hi"}


def test_parameters_take_precedence_and_the_context_stays(client: APIClient, session: dict[str, Any]) -> None:
    client.post(address(session, "execute"), {"params": {"text": "a", "target": "de"}})
    client.post(address(session, "execute"), {"params": {"text": "b"}})

    assert [job.payload["target"] for job in Job.objects.order_by("id")] == ["de", "fr"]


@pytest.mark.parametrize(
    ("params", "pointer"),
    [({}, "#/params"), ({"text": 5}, "#/params/text"), ({"text": "a", "txt": 1}, "#/params")],
)
def test_parameters_that_do_not_fit_are_not_counted(
    client: APIClient, session: dict[str, Any], params: Any, pointer: str
) -> None:
    answer = problem(client.post(address(session, "execute"), {"params": params}), 422, "invalid-payload")

    assert pointer in [error["pointer"] for error in answer["errors"]]
    assert Session.objects.get().execution_count == 0
    assert not Job.objects.exists()


@pytest.mark.parametrize("parameters", ["wait=soon", "wait=", "wiat=5"])
def test_a_wrong_wait_is_refused_and_nothing_counted(
    client: APIClient, session: dict[str, Any], parameters: str
) -> None:
    response = client.post(address(session, "execute") + f"?{parameters}", {"params": {"text": "a"}})

    problem(response, 422, "validation")
    assert Session.objects.get().execution_count == 0
    assert not Job.objects.exists()


def test_a_function_in_another_language_goes_to_its_own_queue(client: APIClient) -> None:
    Function.objects.create(language="node", title="thumb", language_title="node-thumb")
    session = opened(client, language_title="node-thumb", context={"width": 9})

    assert client.post(address(session, "execute"), {"params": {"url": "u"}}).status_code == 202

    job = Job.objects.get()
    assert (job.job_type, job.queue, job.payload) == ("node-thumb", "lang.node", {"width": 9, "url": "u"})


def test_languages_that_the_user_may_not_use(client: APIClient, user: User, session: dict[str, Any]) -> None:
    User.objects.filter(pk=user.pk).update(allowed_languages=["node"])

    problem(client.post(SESSIONS, {"language_title": "python-translate"}), 403, "language-not-allowed")
    problem(client.post(address(session, "execute"), {"params": {"text": "a"}}), 403, "language-not-allowed")
    assert Session.objects.get().execution_count == 0


def test_a_function_switched_off_later(client: APIClient, session: dict[str, Any]) -> None:
    Function.objects.update_or_create(
        language_title="python-translate", defaults={"language": "python", "title": "translate", "is_active": False}
    )
    catalogue.forget()

    problem(client.post(address(session, "execute"), {"params": {"text": "a"}}), 409, "function-inactive")


def test_an_expired_session(client: APIClient, session: dict[str, Any]) -> None:
    end(session, expires_at=past())

    problem(client.post(address(session, "execute"), {"params": {"text": "a"}}), 410, "session-expired")
    problem(client.post(address(session, "execute"), {"params": {}}), 410, "session-expired")
    problem(client.patch(address(session), {"ttl": 60}), 410, "session-expired")
    assert client.get(address(session)).json()["status"] == "expired", "nobody has marked it yet"
    assert client.delete(address(session)).status_code == 204
    assert client.get(address(session)).json()["status"] == "expired"
    assert Session.objects.get().execution_count == 0


def test_a_closed_session(client: APIClient, session: dict[str, Any], user: User) -> None:
    assert client.delete(address(session)).status_code == 204
    assert client.delete(address(session)).status_code == 204

    problem(client.post(address(session, "execute"), {"params": {"text": "a"}}), 409, "session-closed")
    problem(client.patch(address(session), {"ttl": 60}), 409, "session-closed")
    assert client.get(address(session)).json()["status"] == "closed"
    entry = AuditEntry.objects.get(target_id=session["request_id"])
    assert (entry.action, entry.target_type, entry.actor_name) == ("close", "session", user.user_id)


def test_sessions_of_others_do_not_exist_for_a_user(client_as: ClientAs, session: dict[str, Any]) -> None:
    other = client_as(Role.USER)

    for response in (
        other.get(address(session)),
        other.post(address(session, "execute"), {"params": {"text": "a"}}),
        other.patch(address(session), {"ttl": 60}),
        other.delete(address(session)),
    ):
        problem(response, 404, "not-found")
    assert other.get(SESSIONS).json()["data"] == []
    assert Session.objects.get().status == "active"


def test_staff_see_and_close_every_session_and_only_the_owner_executes(
    client_as: ClientAs, session: dict[str, Any]
) -> None:
    for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
        assert client_as(role).get(address(session)).status_code == 200
        assert [each["request_id"] for each in client_as(role).get(SESSIONS).json()["data"]] == [session["request_id"]]
    operator, viewer = client_as(Role.OPERATOR), client_as(Role.VIEWER)
    problem(operator.post(address(session, "execute"), {"params": {"text": "a"}}), 403, "permission-denied")
    problem(viewer.delete(address(session)), 403, "role-missing")
    problem(viewer.post(SESSIONS, {"language_title": "python-translate"}), 403, "role-missing")
    assert operator.delete(address(session)).status_code == 204
    assert Session.objects.get().status == "closed"


@pytest.mark.parametrize("request_id", ["nothing", "é", "a" * 200, "%20"])
def test_a_session_that_is_not_there(client: APIClient, request_id: str) -> None:
    problem(client.get(f"{SESSIONS}/{request_id}"), 404, "not-found")
    problem(client.post(f"{SESSIONS}/{request_id}/execute", {"params": {}}), 404, "not-found")


def test_extends_within_the_maximum(client: APIClient, session: dict[str, Any], settings: Any) -> None:
    settings.SESSION_MAX_TTL = 5000
    assert 4900 < seconds_left(client.patch(address(session), {"ttl": 5000}).json()) <= 5000
    moment = (timezone.now() + timedelta(seconds=300)).replace(microsecond=0)
    answer = client.patch(address(session), {"expires_at": moment.isoformat()}).json()
    assert datetime.fromisoformat(answer["expires_at"]) == moment

    later, before = (moment + timedelta(days=1)).isoformat(), "2020-01-01T00:00:00Z"
    for body, code in [
        ({"ttl": 5001}, "validation"),
        ({"expires_at": later}, "invalid-option"),
        ({"expires_at": before}, "invalid-option"),
        ({}, "validation"),
        ({"ttl": 5, "expires_at": later}, "validation"),
        ({"expires_at": None}, "validation"),
        ({"status": "active"}, "validation"),
    ]:
        problem(client.patch(address(session), body), 422, code)
    assert Session.objects.get().expires_at == moment


def test_the_same_idempotency_key_counts_once(client: APIClient, session: dict[str, Any]) -> None:
    def send(text: str) -> Any:
        body = {"params": {"text": text}}
        return client.post(address(session, "execute"), body, HTTP_IDEMPOTENCY_KEY="k1")

    first, second = send("a"), send("a")

    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    problem(send("b"), 422, "idempotency-key-reused")
    assert (Session.objects.get().execution_count, Job.objects.count()) == (1, 1)
    opening = {"language_title": "python-translate"}
    answers = [client.post(SESSIONS, opening, HTTP_IDEMPOTENCY_KEY="o1").json() for _ in range(2)]
    assert answers[0] == answers[1]


def test_lists_newest_first_in_pages_with_filters(client: APIClient) -> None:
    made = [opened(client, metadata={"n": n}) for n in range(5)]
    end(made[0], expires_at=past())
    end(made[1], status="closed")
    Function.objects.create(language="node", title="thumb", language_title="node-thumb")
    node = opened(client, language_title="node-thumb")

    def ids(**parameters: Any) -> list[str]:
        return [each["request_id"] for each in client.get(SESSIONS, parameters).json()["data"]]

    everything = [node["request_id"], *(each["request_id"] for each in reversed(made))]
    assert ids() == everything
    first = client.get(SESSIONS, {"limit": 4}).json()
    rest = client.get(SESSIONS, {"limit": 4, "cursor": first["page"]["next"]}).json()
    assert [each["request_id"] for each in first["data"] + rest["data"]] == everything
    assert "context" not in first["data"][0]
    assert ids(status="expired") == [made[0]["request_id"]]
    assert ids(status="closed") == [made[1]["request_id"]]
    assert len(ids(status="active")) == 4
    assert ids(language_title="node-thumb") == [node["request_id"]]
    for wrong in ({"status": "open"}, {"state": "active"}, {"status": ""}):
        problem(client.get(SESSIONS, wrong), 400, "invalid-parameter")


def test_calls_are_noted_for_the_log_refused_ones_too(client: APIClient, session: dict[str, Any]) -> None:
    def calls(params: Any) -> list[tuple[Any, ...]]:
        response: Any = client.post(address(session, "execute"), {"params": params})
        return [(call.language_title, call.payload, call.job_id) for call in response.wsgi_request.calls]

    good = {"text": "a"}
    assert calls(good) == [("python-translate", good, Job.objects.get().pk)]
    assert calls({"text": 5}) == [("python-translate", {"text": 5}, None)]
    end(session, expires_at=past())
    assert calls(good) == [("python-translate", good, None)]
    end(session, expires_at=timezone.now() + timedelta(hours=1), status="closed")
    assert calls(good) == [("python-translate", good, None)]
    assert calls([1]) == [("python-translate", [1], None)]
    Session.objects.all().delete()
    assert calls(good) == [("unknown", good, None)]


def test_nobody_gets_in_without_a_key(session: dict[str, Any]) -> None:
    stranger = APIClient(raise_request_exception=False)
    for response in (stranger.get(SESSIONS), stranger.get(address(session)), stranger.post(SESSIONS, {})):
        problem(response, 401, "not-authenticated")


def test_a_context_that_sql_has_spoilt(client: APIClient, session: dict[str, Any]) -> None:
    end(session, context=[1])
    problem(client.post(address(session, "execute"), {"params": {"text": "a"}}), 422, "invalid-payload")


def test_two_users_with_the_same_names_are_apart(client: APIClient, session: dict[str, Any]) -> None:
    other = client_of(UserFactory())
    mine = opened(other)
    assert [each["request_id"] for each in other.get(SESSIONS).json()["data"]] == [mine["request_id"]]
