import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient
from rest_framework.test import APIClient

from accounts.models import User
from config import asgi
from jobs.api import events, waiting, watching
from jobs.api.watching import Watch, Watchers
from jobs.models import Job
from jobs.statuses import Status
from tests.api_client import problem
from tests.jobs.api.conftest import set_status

pytestmark = pytest.mark.django_db(transaction=True)

Submit = Callable[..., dict[str, Any]]


class Scene:
    """Requests to the event loop's handler, and a sign for each client that begins to wait."""

    def __init__(self, key: str) -> None:
        self.client = AsyncClient()
        self.key = key
        self.begun = asyncio.Event()

    async def get(self, path: str, **headers: str) -> Any:
        return await self.client.get(f"/api/v1{path}", headers={"Authorization": self.key, **headers})

    async def post(self, path: str, body: Any) -> Any:
        headers = {"Authorization": self.key}
        return await self.client.post(f"/api/v1{path}", body, content_type="application/json", headers=headers)

    async def when_somebody_waits(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        await asyncio.wait_for(self.begun.wait(), 10)
        self.begun.clear()
        await sync_to_async(act)(*args, **kwargs)


@pytest.fixture
def play(
    client: APIClient, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Callable[[Callable[[Scene], Awaitable[None]]], None]:
    """Run a scene on an event loop of its own, as an ASGI server would."""
    settings.ROOT_URLCONF = asgi.LASTING_URLS

    async def run(scenario: Callable[[Scene], Awaitable[None]]) -> None:
        scene = Scene(client._credentials["HTTP_AUTHORIZATION"])
        original = Watchers.watching

        @contextmanager
        def noticed(self: Watchers, job_id: UUID, version: int, owner: Any) -> Iterator[Watch]:
            with original(self, job_id, version, owner) as watch:
                scene.begun.set()
                yield watch

        monkeypatch.setattr(Watchers, "watching", noticed)
        try:
            await scenario(scene)
        finally:
            await sync_to_async(connections.close_all)()

    return lambda scenario: asyncio.run(run(scenario))


def test_a_long_poll_answers_when_the_job_has_ended(play: Any, submit: Submit) -> None:
    job_id = submit()["job_id"]

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.get(f"/jobs/{job_id}?wait=30"))
        await scene.when_somebody_waits(set_status, job_id, Status.PROCESSING)
        await sync_to_async(set_status)(job_id, Status.COMPLETED, result={"text": "done"})
        response = await asyncio.wait_for(answer, 10)

        assert response.json()["status"] == "completed"
        assert response.json()["result"] == {"text": "done"}
        assert response["ETag"] == '"v3"'
        assert "Preference-Applied" not in response

    play(scenario)


@pytest.fixture
def session(client: APIClient) -> str:
    response = client.post("/api/v1/sessions", {"language_title": "python-echo", "context": {"times": 2}})
    assert response.status_code == 201, response.content
    return f"/sessions/{response.json()['request_id']}"


def finish(status: Status, **columns: Any) -> None:
    job_id = str(Job.objects.get().pk)
    set_status(job_id, Status.PROCESSING)
    set_status(job_id, status, **columns)


def test_an_execute_of_a_session_answers_with_the_result(play: Any, session: str) -> None:
    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.post(f"{session}/execute?wait=30", {"params": {"text": "a"}}))
        await scene.when_somebody_waits(finish, Status.COMPLETED, result="aa")
        response = await asyncio.wait_for(answer, 10)
        job = await Job.objects.aget()
        assert response.status_code == 200
        assert response.json() == {"job_id": str(job.pk), "status": "completed", "result": "aa", "cached": False}
        assert (await scene.get(session)).json()["execution_count"] == 1

    play(scenario)


def test_an_execute_that_fails_says_so_and_one_that_takes_long_is_accepted(play: Any, session: str) -> None:
    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.post(f"{session}/execute?wait=30", {"params": {}}))
        await scene.when_somebody_waits(finish, Status.FAILED)
        problem(await asyncio.wait_for(answer, 10), 502, "function-failed")
        response = await scene.post(f"{session}/execute?wait=1", {"params": {}})
        assert (response.status_code, response.json()["status"]) == (202, "pending")
        assert response["Location"].endswith(response.json()["job_id"])

    play(scenario)


def test_an_execute_that_is_refused_does_not_wait(play: Any, session: str, client: APIClient) -> None:
    client.delete(f"/api/v1{session}")

    async def scenario(scene: Scene) -> None:
        problem(await scene.post(f"{session}/execute?wait=30", {"params": {}}), 409, "session-closed")
        problem(await scene.post(f"{session}/execute?wait=soon", {"params": {}}), 409, "session-closed")

    play(scenario)


@pytest.fixture
def owners_asked_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "OWNERS_SECONDS", 0.0)


def disable(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.usefixtures("owners_asked_always")
def test_a_long_poll_of_a_user_who_is_disabled_ends(play: Any, submit: Submit, user: User) -> None:
    job_id = submit()["job_id"]

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.get(f"/jobs/{job_id}?wait=30"))
        await scene.when_somebody_waits(disable, user)
        problem(await asyncio.wait_for(answer, 20), 401, "account-disabled")

    play(scenario)


@pytest.mark.usefixtures("owners_asked_always")
def test_a_stream_of_a_user_who_is_disabled_ends(play: Any, submit: Submit, user: User) -> None:
    job_id = submit()["job_id"]

    async def scenario(scene: Scene) -> None:
        response = await scene.get(f"/jobs/{job_id}/events")
        told = asyncio.create_task(_whole(response))
        await scene.when_somebody_waits(disable, user)
        assert (await asyncio.wait_for(told, 20)).endswith(b"event: end\ndata: {}\n\n")
        problem(await scene.get(f"/jobs/{job_id}/events"), 401, "account-disabled")

    play(scenario)


async def _whole(response: Any) -> bytes:
    return b"".join([part async for part in response.streaming_content])


def test_the_wait_may_be_a_preference(play: Any, submit: Submit) -> None:
    job_id = submit()["job_id"]

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.get(f"/jobs/{job_id}", Prefer="respond-async, wait=600"))
        await scene.when_somebody_waits(set_status, job_id, Status.FAILED)
        response = await asyncio.wait_for(answer, 10)

        assert response.json()["status"] == "failed"
        assert response["Preference-Applied"] == "wait=30"

    play(scenario)


def test_a_wait_that_is_over_answers_with_what_there_is(
    play: Any, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit()["job_id"]
    monkeypatch.setattr(waiting, "MAX_SECONDS", 0.1)

    async def scenario(scene: Scene) -> None:
        response = await scene.get(f"/jobs/{job_id}?wait=30")
        assert (response.status_code, response.json()["status"]) == (200, "pending")

    play(scenario)


def test_a_job_that_has_ended_is_not_waited_for(client: APIClient, submit: Submit) -> None:
    job_id = submit()["job_id"]
    set_status(job_id, Status.COMPLETED)

    assert client.get(f"/api/v1/jobs/{job_id}?wait=30").json()["status"] == "completed"


def test_a_job_deleted_meanwhile_is_gone(play: Any, submit: Submit) -> None:
    job_id = submit()["job_id"]

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.get(f"/jobs/{job_id}?wait=30"))
        await scene.when_somebody_waits(Job.objects.filter(pk=job_id).update, is_deleted=True)
        problem(await asyncio.wait_for(answer, 10), 404, "not-found")

    play(scenario)


def test_waiting_costs_one_request_of_the_rate_limit(play: Any, submit: Submit) -> None:
    job_id = submit()["job_id"]

    async def scenario(scene: Scene) -> None:
        before = (await scene.get("/me")).json()["rate_limit"]["remaining"]
        answer = asyncio.create_task(scene.get(f"/jobs/{job_id}?wait=30"))
        await scene.when_somebody_waits(set_status, job_id, Status.FAILED)
        await answer
        assert (await scene.get("/me")).json()["rate_limit"]["remaining"] == before - 2

    play(scenario)


def test_many_clients_wait_with_one_query_and_no_connection(
    play: Any, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [submit()["job_id"] for _ in range(20)]
    original = watching.glances

    async def scenario(scene: Scene) -> None:
        loop, all_watched = asyncio.get_running_loop(), asyncio.Event()

        def noticed(asked: list[UUID]) -> Any:
            if len(asked) == len(ids):
                loop.call_soon_threadsafe(all_watched.set)
            return original(asked)

        monkeypatch.setattr(watching, "glances", noticed)
        answers = [asyncio.create_task(scene.get(f"/jobs/{job_id}?wait=30")) for job_id in ids]
        await asyncio.wait_for(all_watched.wait(), 10)
        await sync_to_async(lambda: [set_status(job_id, Status.COMPLETED) for job_id in ids])()
        responses = await asyncio.wait_for(asyncio.gather(*answers), 20)
        assert {response.json()["status"] for response in responses} == {"completed"}

    play(scenario)


@pytest.mark.parametrize("wait", ["", "-1", "x", "1.5", "１"])
def test_a_wrong_wait_is_refused(client: APIClient, submit: Submit, wait: str) -> None:
    job_id = submit()["job_id"]

    problem(client.get(f"/api/v1/jobs/{job_id}", {"wait": wait}), 400, "invalid-parameter")


def test_one_user_cannot_wait_for_everything(play: Any, submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = submit()["job_id"]
    monkeypatch.setattr(waiting, "MAX_WATCHES_PER_USER", 1)

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.get(f"/jobs/{job_id}?wait=30"))
        await asyncio.wait_for(scene.begun.wait(), 10)
        refused = await scene.get(f"/jobs/{job_id}/events")
        problem(refused, 429, "rate-limit-exceeded")
        await scene.when_somebody_waits(set_status, job_id, Status.FAILED)
        await asyncio.wait_for(answer, 10)

    play(scenario)


def parse(chunk: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n"))


def test_a_stream_tells_status_and_progress_until_the_end(play: Any, submit: Submit) -> None:
    job_id = submit()["job_id"]

    async def scenario(scene: Scene) -> None:
        response = await scene.get(f"/jobs/{job_id}/events", Accept="text/event-stream")
        assert response["Content-Type"] == "text/event-stream"
        assert response["Cache-Control"] == "no-store"
        stream = aiter(response)
        assert await anext(stream) == b"retry: 2000\n\n"
        first = parse(await anext(stream))
        assert (first["id"], first["event"]) == ("1", "status")

        acts: list[dict[str, Any]] = [
            {"status": Status.PROCESSING},
            {"status": Status.PROCESSING, "progress": 40, "progress_message": "halb\nfertig"},
            {"status": Status.COMPLETED},
        ]
        told = []
        for act in acts:
            next_event = asyncio.create_task(anext(stream))
            await asyncio.wait_for(scene.begun.wait(), 10)
            await sync_to_async(set_status)(job_id, **act)
            told.append(parse(await asyncio.wait_for(next_event, 10)))
        rest = [parse(chunk) async for chunk in stream]

        assert [event["event"] for event in told + rest] == ["status", "progress", "status", "end"]
        assert [event["id"] for event in told + rest] == ["2", "3", "4", "4"]
        assert '"progress_message": "halb\\nfertig"' in told[1]["data"]

    play(scenario)


def test_a_client_that_comes_back_hears_only_what_is_new(play: Any, submit: Submit) -> None:
    job_id = submit()["job_id"]
    set_status(job_id, Status.COMPLETED)

    async def come_back(scene: Scene, last: str) -> Any:
        return await scene.get(f"/jobs/{job_id}/events", **{"Last-Event-ID": last})

    async def scenario(scene: Scene) -> None:
        again = [parse(chunk) async for chunk in await come_back(scene, "1")]
        assert [event.get("event") for event in again] == [None, "status", "end"]
        assert (await come_back(scene, "2")).status_code == 204
        problem(await come_back(scene, "x"), 400, "bad-request")

    play(scenario)


def test_a_quiet_stream_is_kept_alive_and_ends_in_time(
    play: Any, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit()["job_id"]
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(events, "STREAM_SECONDS", 0.1)

    async def scenario(scene: Scene) -> None:
        response = await scene.get(f"/jobs/{job_id}/events")
        chunks = [chunk async for chunk in response]
        assert chunks[2:] == [b": still here\n\n"] * len(chunks[2:])
        assert len(chunks) > 3

    play(scenario)


def test_nobody_follows_the_jobs_of_others(client_as: Any, submit: Submit) -> None:
    from accounts.roles import Role

    job_id = submit()["job_id"]

    problem(client_as(Role.USER).get(f"/api/v1/jobs/{job_id}/events"), 404, "not-found")
    problem(client_as(Role.USER).get(f"/api/v1/jobs/{job_id}?wait=30"), 404, "not-found")
