"""One function over many items: remembered one by one, written together."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import enqueue
from jobs.exceptions import JobCancelled, LockLost
from jobs.models import Job, Task
from jobs.outcomes import Attempt
from jobs.testing import run_job
from tests.jobs.tasks.conftest import Crash, Script

pytestmark = pytest.mark.django_db


def square(number: int) -> int:
    return number * number


def test_results_stand_in_the_order_of_the_items(script: Script) -> None:
    job = script.run(lambda ctx: ctx.map("square", square, iter(range(20))))
    assert job.result == [number * number for number in range(20)]
    rows = list(Task.objects.values_list("position", "item", "kind", "status", "payload", "result"))
    assert rows[0] == (1, -1, "map", "completed", {"items": 20}, None)
    assert rows[4] == (1, 3, "map", "completed", {"item": 3}, 9)
    assert len(rows) == 21


def test_nothing_to_map(script: Script) -> None:
    assert script.run(lambda ctx: ctx.map("none", square, [])).result == []


def test_only_unfinished_items_are_run_again(script: Script) -> None:
    def body(ctx: Context) -> list[int]:
        def flaky(number: int) -> int:
            script.call(number)
            if number == 3 and ctx.attempt == 1:
                raise Crash("three")
            return number * 2

        return ctx.map("double", flaky, range(5), concurrency=1)

    job = script.run(body)
    assert (job.status, job.error_message) == ("pending", "three")
    assert script.calls == [0, 1, 2, 3]
    statuses = dict(Task.objects.values_list("item", "status"))
    assert statuses == {-1: "failed", 0: "completed", 1: "completed", 2: "completed", 3: "failed"}
    assert script.run().result == [0, 2, 4, 6, 8]
    assert script.calls == [0, 1, 2, 3, 3, 4]
    assert Task.objects.get(item=3).attempt == 2


def test_a_map_whose_error_was_caught_fails_every_time(script: Script) -> None:
    def body(ctx: Context) -> str:
        try:
            ctx.map("fail", lambda item: script.call(1 / item), [1, 0])
        except ZeroDivisionError:
            ctx.task("instead", script.call, "instead")
        if ctx.attempt == 1:
            raise Crash
        return "done"

    script.run(body)
    assert script.run().result == "done"
    assert script.calls == [1.0, "instead"]


@pytest.mark.parametrize("concurrency", [0, 257])
def test_concurrency_has_bounds(script: Script, concurrency: int) -> None:
    job = script.run(lambda ctx: ctx.map("square", square, [1], concurrency=concurrency))
    assert (job.error_details or {})["error_class"] == "ValueError"


class Stage:
    """A running job outside of any test's transaction, so that threads see it."""

    def __init__(self) -> None:
        self.job_id = str(enqueue("script", {}, max_retries=9).id)
        self.said: list[Any] = []

    def context(self) -> Context:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT job_id::text, lock_token, job_type, queue, priority, payload::text, attempt, retry_count,"
                " max_retries, timeout, 0::float8 FROM start_jobs(ARRAY[%s]::uuid[], 'stage', interval '1 hour')",
                [self.job_id],
            )
            self.attempt = Attempt(*cursor.fetchone())
        return Context(self.attempt, lambda attempt: self.said.append(attempt.progress))

    def again(self) -> Context:
        """Lose the worker."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT release_jobs(ARRAY[%s]::uuid[], ARRAY[%s])", [self.job_id, self.attempt.lock_token])
        return self.context()


@pytest.fixture
def stage(register: Callable[..., Handler], transactional_db: None) -> Stage:
    register("script", lambda ctx: None, schema={})
    return Stage()


@pytest.mark.django_db(transaction=True)
def test_items_run_in_threads_and_leave_no_connection(stage: Stage) -> None:
    together = threading.Barrier(4)

    def meet(number: int) -> int:
        together.wait(60)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    backends = set(stage.context().map("meet", meet, range(8), concurrency=4))
    assert len(backends) == 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (%s)", [list(backends)])
        # A backend takes a moment to end after its connection was closed.
        deadline = time.monotonic() + 60
        while cursor.fetchone()[0]:
            assert time.monotonic() < deadline
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (%s)", [list(backends)])
    assert stage.said[-1] == (100, "meet: 8 of 8")


@pytest.mark.django_db(transaction=True)
def test_fast_items_share_their_commits(stage: Stage) -> None:
    context = stage.context()
    with CaptureQueriesContext(connection) as captured:
        assert context.map("square", square, range(1_000)) == [number * number for number in range(1_000)]
    assert len(captured) < 200
    assert Task.objects.filter(status="completed").count() == 1_001
    assert stage.again().map("square", lambda number: 1 / 0, range(1_000))[-1] == 999 * 999


@pytest.mark.django_db(transaction=True)
def test_those_in_flight_end_when_one_fails(stage: Stage) -> None:
    both = threading.Barrier(2)
    failed = threading.Event()

    def work(number: int) -> int:
        both.wait(60)
        if number == 0:
            try:
                raise Crash("zero")
            finally:
                failed.set()
        assert failed.wait(60)
        return number

    with pytest.raises(Crash, match="zero"):
        stage.context().map("work", work, range(100), concurrency=2)
    assert dict(Task.objects.values_list("item", "status")) == {-1: "failed", 0: "failed", 1: "completed"}


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_map_hands_out_no_more(stage: Stage) -> None:
    context = stage.context()

    def work(number: int) -> int:
        if number == 5:
            stage.attempt.cancelled = True
        return number

    with pytest.raises(JobCancelled):
        context.map("work", work, range(1_000), concurrency=1)
    assert Task.objects.filter(status="completed").count() == 6
    assert Task.objects.get(item=-1).status == "processing"


@pytest.mark.django_db(transaction=True)
def test_a_map_that_lost_its_lock_stops_and_keeps_nothing_more(stage: Stage) -> None:
    context = stage.context()
    ran = []
    lost = threading.Event()

    def work(number: int) -> int:
        ran.append(number)
        if number == 0:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE job_processing_locks SET lock_token = nextval('job_lock_token_seq')")
            lost.set()
        assert lost.wait(60)
        return number

    with pytest.raises(LockLost):
        context.map("work", work, range(100_000), concurrency=2)
    assert len(ran) < 10_000
    assert not Task.objects.filter(status="completed").exists()


@pytest.mark.django_db(transaction=True)
def test_coroutines_map_too(register: Callable[..., Handler], stage: Stage) -> None:
    running: list[int] = []
    most = []

    async def work(number: int) -> int:
        running.append(number)
        most.append(len(running))
        await asyncio.sleep(0)
        running.remove(number)
        return number

    async def body(ctx: Context) -> list[int]:
        results = await ctx.amap("work", work, range(1_200), concurrency=5)
        plain = await ctx.amap("plain", square, [3], concurrency=1)
        if ctx.attempt == 1:
            raise Crash
        return [*results[-1:], *plain]

    register("coroutine", body)
    job = run_job(Job.objects.get(pk=enqueue("coroutine", {}).id))
    assert job.error_details["error_class"] == "Crash"  # type: ignore[index]
    assert run_job(job).result == [1_199, 9]
    assert len(most) == 1_200
    assert max(most) == 5
