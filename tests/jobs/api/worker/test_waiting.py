"""Long polls for work, on an event loop of their own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient
from rest_framework.test import APIClient

from accounts.models import User
from config import asgi
from jobs import announce, queues
from jobs.api import waiting as of_jobs
from jobs.api.worker import arrivals as here
from jobs.api.worker import waiting
from jobs.api.worker.arrivals import Arrivals, Waiter, arrivals
from jobs.enqueue import enqueue
from jobs.models import Job, ProcessingLock
from jobs.remote import claiming
from tests import pgbouncer
from tests.acceptance.conftest import database_url
from tests.acceptance.stage import wait_until
from tests.api_client import problem
from tests.jobs.api.worker.conftest import function

pytestmark = pytest.mark.django_db(transaction=True)

Ask = Callable[..., Job]
Scenario = Callable[["Scene"], Awaitable[None]]


class Scene:
    """Claims sent to the event loop's handler, and a sign for each that begins to wait."""

    def __init__(self, key: str) -> None:
        self.client = AsyncClient()
        self.key = key
        self.begun: asyncio.Queue[Waiter] = asyncio.Queue()

    async def claim(self, wait: int | None = 30, **wish: Any) -> Any:
        prefer = wish.pop("prefer", None)
        headers = {"Authorization": self.key} | ({"Prefer": prefer} if prefer else {})
        query = "" if wait is None else f"?wait={wait}"
        body = {"worker_id": "w", "languages": ["node"], **wish}
        path = f"/api/v1/worker/claim{query}"
        return await self.client.post(path, body, content_type="application/json", headers=headers)

    async def when_somebody_waits(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        await asyncio.wait_for(self.begun.get(), 10)
        await sync_to_async(act)(*args, **kwargs)


@pytest.fixture
def play(worker: APIClient, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Callable[[Scenario], None]]:
    """Run a scene on an event loop of its own, as an ASGI server would."""
    settings.ROOT_URLCONF = asgi.LASTING_URLS

    async def run(scenario: Scenario) -> None:
        scene = Scene(worker._credentials["HTTP_AUTHORIZATION"])
        original = Arrivals.waiting

        @contextmanager
        def noticed(self: Arrivals, queues: Any, owner: Any) -> Iterator[Waiter]:
            with original(self, queues, owner) as waiter:
                scene.begun.put_nowait(waiter)
                yield waiter

        monkeypatch.setattr(Arrivals, "waiting", noticed)
        try:
            await scenario(scene)
        finally:
            await sync_to_async(connections.close_all)()

    yield lambda scenario: asyncio.run(run(scenario))
    arrivals.join()


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [each["job_id"] for each in response.json()["jobs"]]


def test_a_claim_waits_for_the_next_job(play: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    # Looking alone would come too late.
    monkeypatch.setattr(here, "LOOK_SECONDS", 60.0)

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.claim())
        jobs: list[Job] = []
        await scene.when_somebody_waits(until_listening)
        await sync_to_async(lambda: jobs.append(ask()))()
        assert ids(await asyncio.wait_for(answer, 10)) == [str(jobs[0].pk)]
        # Else the thread would sleep on, although nobody waits.
        await sync_to_async(announce._notify)(["nothing:5"], "default")

    play(scenario)


def until_listening() -> None:
    """Wait until the thread's connection listens; asks on a connection of its own."""
    with psycopg.connect(database_url(), autocommit=True) as observer:
        wait_until(
            lambda: (
                observer.execute(
                    "SELECT FROM pg_stat_activity WHERE query = 'LISTEN ekiden_jobs' AND state = 'idle'"
                    " AND datname = current_database()"
                ).fetchone()
                is not None
            )
        )


def test_what_was_not_announced_is_found_by_looking(play: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.announce._notify", lambda *args: None)
    monkeypatch.setattr(here, "LOOK_SECONDS", 0.05)

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.claim())
        await scene.when_somebody_waits(ask)
        assert len(ids(await asyncio.wait_for(answer, 10))) == 1

    play(scenario)


def test_a_job_that_falls_due_meanwhile_is_found(play: Any, ask: Ask) -> None:
    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.claim())
        await scene.when_somebody_waits(ask, delay=0.3)
        assert len(ids(await asyncio.wait_for(answer, 10))) == 1

    play(scenario)


def test_a_queue_that_is_resumed_goes_on(play: Any, ask: Ask, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "LOOK_SECONDS", 0.05)
    queues.pause("lang.node", owner, "")
    ask()

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.claim())
        await scene.when_somebody_waits(queues.resume, "lang.node", owner, "")
        assert len(ids(await asyncio.wait_for(answer, 10))) == 1

    play(scenario)


def test_what_there_is_already_is_not_waited_for(play: Any, ask: Ask) -> None:
    ask()

    async def scenario(scene: Scene) -> None:
        assert len(ids(await asyncio.wait_for(scene.claim(), 10))) == 1
        assert scene.begun.empty()

    play(scenario)


def test_the_time_is_over_and_nothing_came(play: Any, thumbnail: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_jobs, "MAX_SECONDS", 0.1)

    async def scenario(scene: Scene) -> None:
        assert ids(await scene.claim()) == []
        preferred = await scene.claim(wait=None, prefer="wait=20")
        assert ids(preferred) == []
        assert preferred["Preference-Applied"] == "wait=0"

    play(scenario)


def test_jobs_of_other_functions_do_not_end_the_wait(play: Any, ask: Ask) -> None:
    function("crop")

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.claim(types=["node-crop"]))
        await scene.when_somebody_waits(ask)
        crop = await sync_to_async(enqueue)("node-crop", {"url": "u"})
        assert ids(await asyncio.wait_for(answer, 10)) == [str(crop.id)]

    play(scenario)


def test_each_job_goes_to_one_of_those_who_wait(play: Any, ask: Ask) -> None:
    async def scenario(scene: Scene) -> None:
        answers = [asyncio.create_task(scene.claim(worker_id=f"w-{n}")) for n in range(5)]
        for _ in answers:
            await asyncio.wait_for(scene.begun.get(), 10)
        await sync_to_async(lambda: [ask() for _ in answers])()
        found = [ids(answer) for answer in await asyncio.wait_for(asyncio.gather(*answers), 20)]
        assert {len(each) for each in found} == {1}
        assert len({each[0] for each in found}) == 5

    play(scenario)


def test_one_user_cannot_wait_without_bound(play: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_WAITS_PER_USER", 1)

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.claim())
        await asyncio.wait_for(scene.begun.get(), 10)
        problem(await scene.claim(), 429, "rate-limit-exceeded")
        await sync_to_async(ask)()
        assert len(ids(await asyncio.wait_for(answer, 10))) == 1

    play(scenario)


def test_waiting_costs_one_request_of_the_rate_limit(play: Any, ask: Ask) -> None:
    async def scenario(scene: Scene) -> None:
        async def left() -> int:
            response = await scene.client.get("/api/v1/me", headers={"Authorization": scene.key})
            return int(response.json()["rate_limit"]["remaining"])

        before = await left()
        answer = asyncio.create_task(scene.claim())
        await scene.when_somebody_waits(ask)
        await answer
        assert await left() == before - 2

    play(scenario)


def test_a_client_that_goes_away_leaves_its_jobs_to_others(
    play: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hang up in the very moment in which the claim has been committed."""
    job = ask()
    original = claiming.claim

    async def scenario(scene: Scene) -> None:
        loop, claimed = asyncio.get_running_loop(), asyncio.Event()
        answer: asyncio.Task[Any]

        def claim_and_hang_up(wish: Any) -> Any:
            found = original(wish)
            asyncio.run_coroutine_threadsafe(hang_up(), loop).result(10)
            return found

        async def hang_up() -> None:
            answer.cancel()
            claimed.set()

        monkeypatch.setattr("jobs.api.worker.claim.claim", claim_and_hang_up)
        answer = asyncio.create_task(scene.claim())
        await asyncio.wait_for(claimed.wait(), 10)
        with pytest.raises(asyncio.CancelledError):
            await answer
        now = await Job.objects.aget(pk=job.pk)
        assert (now.status, now.attempt) == ("pending", 0)
        assert not await ProcessingLock.objects.aexists()

    play(scenario)


def test_behind_a_pooler_it_looks_and_leaves_no_listener_to_others(
    play: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "LOOK_SECONDS", 0.05)
    original = here.listening_parameters
    looked_on: list[Arrivals] = []
    look_on = Arrivals._look_on

    def noticed(self: Arrivals) -> None:
        looked_on.append(self)
        look_on(self)

    monkeypatch.setattr(Arrivals, "_look_on", noticed)
    with pgbouncer.running() as where:
        monkeypatch.setattr(here, "listening_parameters", lambda: {**original(), **where})

        async def scenario(scene: Scene) -> None:
            answer = asyncio.create_task(scene.claim())
            await asyncio.wait_for(scene.begun.get(), 10)
            await sync_to_async(wait_until)(lambda: looked_on)
            await sync_to_async(ask)()
            assert len(ids(await asyncio.wait_for(answer, 10))) == 1

        play(scenario)
        arrivals.join()
        listeners = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        with psycopg.connect(database_url(), autocommit=True) as observer:
            row = observer.execute(listeners).fetchone()
            assert row == (0,)


def test_without_a_database_it_looks_again(
    play: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can listen at first, and the looks go wrong; the wait outlives both."""
    monkeypatch.setattr(here, "LOOK_SECONDS", 0.02)
    original, refused = here.listening_parameters, []

    def out_of_reach() -> dict[str, Any]:
        if len(refused) < 3:
            refused.append(1)
            return {**original(), "port": 1, "host": "127.0.0.1"}
        return original()

    monkeypatch.setattr(here, "listening_parameters", out_of_reach)

    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(scene.claim())
        await asyncio.wait_for(scene.begun.get(), 10)
        await sync_to_async(until_listening)()
        await sync_to_async(ask)()
        assert len(ids(await asyncio.wait_for(answer, 10))) == 1

    with caplog.at_level(logging.WARNING, "jobs.api.worker.arrivals"):
        play(scenario)
    assert caplog.text.count("not listening") == 3
