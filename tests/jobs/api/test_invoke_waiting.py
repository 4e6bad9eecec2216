"""Calls that wait for their result, on an event loop."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import connections

from config import asgi
from jobs import result_cache
from jobs.api import waiting
from jobs.models import Job
from jobs.statuses import Status
from jobs.testing import drain
from tests.api_client import problem
from tests.jobs.api.conftest import bury, set_status
from tests.jobs.api.test_waiting import Scene, play  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


async def invoke(scene: Scene, params: Any, name: str = "python-echo", query: str = "", **headers: str) -> Any:
    address = f"/api/v1/functions/{name}/invoke{query}"
    headers = {"Authorization": scene.key, **headers}
    return await scene.client.post(address, {"params": params}, content_type="application/json", headers=headers)


def only_job() -> str:
    return str(Job.objects.get().pk)


def test_a_call_answers_with_the_result(play: Any) -> None:  # noqa: F811
    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(invoke(scene, {"text": "hi", "times": 2}, query="?wait=30"))
        await scene.when_somebody_waits(drain)
        response = await asyncio.wait_for(answer, 10)

        job_id = await sync_to_async(only_job)()
        assert response.status_code == 200
        assert response.json() == {"job_id": job_id, "status": "completed", "result": "hihi", "cached": False}
        assert response["X-Request-ID"] and "RateLimit" in response
        assert "Preference-Applied" not in response

    play(scenario)


def test_the_wait_may_be_a_preference(play: Any) -> None:  # noqa: F811
    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(invoke(scene, {"text": "hi"}, Prefer="wait=10"))
        await scene.when_somebody_waits(drain)
        response = await asyncio.wait_for(answer, 10)
        assert (response.json()["result"], response["Preference-Applied"]) == ("hi", "wait=10")

    play(scenario)


@pytest.mark.parametrize("state", [Status.DEAD_LETTER, Status.CANCELLED])
def test_a_job_that_ends_badly_is_a_problem_of_its_own(play: Any, state: Status) -> None:  # noqa: F811
    def end() -> None:
        if state == Status.DEAD_LETTER:
            bury(only_job(), "no such bell", "LookupError")
        else:
            set_status(only_job(), state)

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(invoke(scene, {}, query="?wait=30"))
        await scene.when_somebody_waits(end)
        body = problem(await asyncio.wait_for(answer, 10), 502, "function-failed")
        assert (body["job_id"], body["job_status"]) == (await sync_to_async(only_job)(), state)
        if state == Status.DEAD_LETTER:
            assert (body["error"]["class"], body["error"]["message"]) == ("LookupError", "no such bell")
            assert "traceback" not in str(body).lower()
        else:
            assert body["error"] is None

    play(scenario)


def test_a_wait_that_is_over_answers_with_the_job(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(waiting, "MAX_SECONDS", 0.1)

    async def scenario(scene: Scene) -> None:
        response = await invoke(scene, {}, query="?wait=5")
        assert response.status_code == 202
        assert response["Location"].endswith(f"/api/v1/jobs/{response.json()['job_id']}")
        assert response.json()["status"] == "pending"

    play(scenario)


def test_a_job_that_is_deleted_meanwhile_is_not_found(play: Any) -> None:  # noqa: F811
    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(invoke(scene, {}, query="?wait=30"))
        await scene.when_somebody_waits(lambda: set_status(only_job(), Status.CANCELLED, is_deleted=True))
        problem(await asyncio.wait_for(answer, 10), 404, "not-found")

    play(scenario)


def test_a_refused_call_does_not_wait(play: Any) -> None:  # noqa: F811
    async def scenario(scene: Scene) -> None:
        problem(await invoke(scene, {"times": "x"}, query="?wait=30"), 422, "invalid-payload")
        problem(await invoke(scene, {}, "python-nothing", "?wait=30"), 404, "unknown-function")

    play(scenario)


def test_a_replayed_call_waits_for_the_first_ones_job(play: Any) -> None:  # noqa: F811
    async def scenario(scene: Scene) -> None:
        key = {"Idempotency-Key": "once"}
        first = await invoke(scene, {"text": "x"}, **key)
        assert first.status_code == 202
        answer = asyncio.create_task(invoke(scene, {"text": "x"}, Prefer="wait=30", **key))
        await scene.when_somebody_waits(drain)
        response = await asyncio.wait_for(answer, 10)
        assert (response.status_code, response.json()["result"]) == (200, "x")
        assert response.json()["job_id"] == first.json()["job_id"]
        assert response["Idempotency-Replayed"] == "true"
        # What has ended needs no waiting.
        again = await asyncio.wait_for(invoke(scene, {"text": "x"}, Prefer="wait=30", **key), 10)
        assert again.json() == response.json()

    play(scenario)


def test_callers_at_the_same_time_get_one_jobs_result(play: Any, register: Any) -> None:  # noqa: F811
    def add(ctx: Any, a: int) -> int:
        return a + 1

    register("add", add, cache=60)

    async def scenario(scene: Scene) -> None:
        answers = [asyncio.create_task(invoke(scene, {"a": 1}, "python-add", "?wait=30")) for _ in range(8)]
        await scene.when_somebody_waits(lambda: None)
        while sum(len(w) for w in waiting.watchers._watches.values()) < 8:
            await asyncio.sleep(0.01)
        await sync_to_async(drain)()
        responses = await asyncio.wait_for(asyncio.gather(*answers), 20)
        assert {json.dumps(r.json()) for r in responses} == {json.dumps(responses[0].json())}
        assert {r.json()["result"] for r in responses} == {2}
        assert sorted("collapsed" in r["Cache-Status"] for r in responses) == [False] + [True] * 7
        assert await sync_to_async(Job.objects.count)() == 1

    play(scenario)


def test_a_cached_answer_does_not_wait(play: Any, register: Any) -> None:  # noqa: F811
    register("add", lambda ctx, a: a, cache=60, schema={"type": "object"})
    result_cache.store("python-add", "1.0.0", {"a": 1}, "2", 60)

    async def scenario(scene: Scene) -> None:
        response = await asyncio.wait_for(invoke(scene, {"a": 1}, "python-add", "?wait=30"), 10)
        assert (response.json()["cached"], response.json()["result"]) == (True, 2)

    play(scenario)
    cache.clear()
    connections.close_all()


def test_only_those_who_ask_for_it_get_onto_the_loop() -> None:
    def scope(query: bytes = b"", *headers: tuple[bytes, bytes]) -> dict[str, Any]:
        return {"path": "/api/v1/functions/python-echo/invoke", "query_string": query, "headers": list(headers)}

    assert asgi.lasts(scope(b"wait=3")) and asgi.lasts(scope(b"", (b"prefer", b"wait=3")))
    assert not asgi.lasts(scope())
