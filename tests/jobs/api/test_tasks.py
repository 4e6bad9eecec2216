"""Tasks of jobs and events for them, over the API."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs import dead_letters, events
from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import enqueue
from jobs.models import Event, Job
from jobs.testing import run_job
from tests.api_client import client_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

API = "/api/v1/jobs"


class Scene:
    def __init__(self) -> None:
        self.ada = UserFactory(user_id="ada")
        self.client = client_of(self.ada)
        job = enqueue("waiting", {}, user=self.ada)
        self.job = Job.objects.get(pk=job.id)

    def send(self, body: Any, who: Any = None, **headers: str) -> Any:
        return (who or self.client).post(f"{API}/{self.job.pk}/events", body, format="json", **headers)

    def tasks(self, query: str = "", who: Any = None) -> Any:
        return (who or self.client).get(f"{API}/{self.job.pk}/tasks{query}")


@pytest.fixture
def scene(register: Callable[..., Handler], db: None) -> Scene:
    def waiting(ctx: Context) -> Any:
        ctx.task("first", len, "four")
        ctx.map("each", abs, [-1, -2])
        return ctx.wait_for("approved", timeout=3600)

    register("waiting", waiting)
    return Scene()


def test_a_client_tells_a_job_what_it_waits_for(scene: Scene) -> None:
    assert run_job(scene.job).waits_for == "event"
    response = scene.send({"name": "approved", "payload": {"by": "ada"}})
    assert response.status_code == 201, response.content
    sent = response.json()
    assert {**sent, "created_at": "", "event_id": ""} == {
        "event_id": "",
        "job_id": str(scene.job.pk),
        "name": "approved",
        "payload": {"by": "ada"},
        "created_at": "",
    }
    assert run_job(scene.job).result == {"by": "ada"}
    late = scene.send({"name": "approved"})
    assert (late.status_code, late.json()["code"], late.json()["current_state"]) == (409, "invalid-state", "completed")


def test_the_same_event_sent_twice_is_sent_once(scene: Scene) -> None:
    answers = [scene.send({"name": "approved"}, HTTP_IDEMPOTENCY_KEY="once").json()["event_id"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a b"}, {"name": "a\n"}, {"name": 5}, {"name": "a", "payload": []}, {"n": 1}]
)
def test_events_that_are_refused(scene: Scene, body: Any) -> None:
    response = scene.send(body)
    assert (response.status_code, response.json()["code"]) == (422, "validation")
    assert not Event.objects.exists()


def test_a_job_takes_no_flood_of_events(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_UNTAKEN", 1)
    assert scene.send({"name": "one"}).status_code == 201
    response = scene.send({"name": "two"})
    assert (response.status_code, response.json()["code"]) == (409, "too-many-events")


def test_who_may_send_and_see(scene: Scene) -> None:
    run_job(scene.job)
    stranger, viewer = client_of(UserFactory()), client_of(UserFactory(role="viewer"))
    operator = client_of(UserFactory(role="operator"))
    assert scene.send({"name": "approved"}, stranger).status_code == 404
    assert scene.tasks(who=stranger).status_code == 404
    assert scene.send({"name": "approved"}, viewer).status_code == 403
    assert scene.tasks(who=viewer).status_code == 200
    assert scene.send({"name": "approved"}, operator).status_code == 201


def test_the_tasks_of_a_job_page_by_page(scene: Scene) -> None:
    run_job(scene.job)
    listed: list[Any] = []
    query = "?limit=2"
    while query:
        page = scene.tasks(query).json()
        listed += page["data"]
        query = page["page"]["next"] and f"?limit=2&cursor={page['page']['next']}"
    assert [(task["position"], task["item"], task["kind"], task["name"], task["status"]) for task in listed] == [
        (1, None, "call", "first", "completed"),
        (2, None, "map", "each", "completed"),
        (2, 0, "map", "each", "completed"),
        (2, 1, "map", "each", "completed"),
        (3, None, "event", "approved", "processing"),
    ]
    first, wait = listed[0], listed[-1]
    assert (first["payload"], first["result"], first["attempt"]) == ({"args": ["four"]}, 4, 1)
    assert first["started_at"] <= first["completed_at"]
    assert wait["wake_at"] > wait["started_at"]
    assert [task["item"] for task in scene.tasks("?kind=map&status=completed,failed").json()["data"]] == [None, 0, 1]
    assert len(scene.tasks("?name=first").json()["data"]) == 1
    assert scene.tasks("?nmae=first").status_code == 400


@pytest.mark.usefixtures("handlers_as_app")
def test_an_owner_has_the_rights_for_all_of_it(scene: Scene) -> None:
    """As the database's role of the web server, under row-level security."""
    run_job(scene.job)
    run_job(scene.job)
    letter = scene.job.dead_letters.get()
    dead_letters.discard(letter.pk, None)
    response = scene.client.post(f"{API}/{scene.job.pk}/retry", {}, format="json")
    assert response.status_code == 200, response.content
    assert len(scene.tasks().json()["data"]) == 5
    assert run_job(scene.job).waits_for == "event"
    assert scene.send({"name": "approved", "payload": {"by": "ada"}}).status_code == 201
    assert run_job(scene.job).result == {"by": "ada"}
