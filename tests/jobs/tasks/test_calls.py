"""One task after the other: run once, remembered, and resumed behind."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.context import Context
from jobs.exceptions import LockLost, TaskFailed
from jobs.models import Task
from tests.jobs.tasks.conftest import Crash, Script

pytestmark = pytest.mark.django_db


def test_what_is_finished_is_not_run_again(script: Script) -> None:
    def body(ctx: Context) -> Any:
        first = ctx.task("first", script.call, 1)
        second = ctx.task("second", script.call, value=(first, "två"))
        if ctx.attempt < 3:
            raise Crash
        return [first, second]

    assert script.run(body).status == "pending"
    assert script.run().retry_count == 2
    job = script.run()
    assert (job.status, job.result) == ("completed", [1, [1, "två"]])
    assert script.calls == [1, (1, "två")]
    assert script.rows == [
        (1, "call", "first", "completed", 1, 1),
        (2, "call", "second", "completed", 1, [1, "två"]),
    ]
    task = Task.objects.get(position=2)
    assert task.payload == {"kwargs": {"value": [1, "två"]}}
    assert task.started_at and task.completed_at and task.started_at <= task.completed_at


def test_a_result_is_the_same_in_every_attempt(script: Script) -> None:
    seen = []

    def body(ctx: Context) -> None:
        seen.append(ctx.task("give", lambda: {1: (2, None)} and {"a": (2, None)}))
        seen.append(ctx.task("nothing", script.call))
        if ctx.attempt == 1:
            raise Crash

    script.run(body)
    script.run()
    assert seen == [{"a": [2, None]}, None] * 2


def test_a_task_that_fails_runs_again(script: Script) -> None:
    def flaky() -> int:
        script.call("flaky")
        if len(script.calls) < 3:
            raise Crash("not yet, token=abc123secret")
        return 7

    def body(ctx: Context) -> int:
        return ctx.task("flaky", flaky)

    job = script.run(body)
    assert job.error_message is not None
    assert job.error_message.startswith("not yet")
    failed = Task.objects.get()
    assert (failed.status, failed.attempt, failed.error_class) == ("failed", 1, "tests.jobs.tasks.conftest:Crash")
    assert failed.error_message == "not yet, token=[redacted]"
    script.run()
    assert script.run().result == 7
    assert script.rows == [(1, "call", "flaky", "completed", 3, 7)]
    assert Task.objects.get().error_message is None


def test_an_error_that_the_handler_went_on_from_is_remembered(script: Script) -> None:
    def fail() -> None:
        script.call("fail")
        raise Crash("for good")

    def body(ctx: Context) -> str:
        try:
            ctx.task("try", fail)
        except Crash as error:
            why = str(error)
        ctx.task("instead", script.call, why)
        if ctx.attempt == 1:
            raise ValueError
        return why

    script.run(body)
    assert script.run().result == "for good"
    assert script.calls == ["fail", "for good"]


def test_an_error_of_an_unknown_class_is_remembered_too(script: Script) -> None:
    def fail() -> None:
        class Local(Exception):
            pass

        raise Local("somewhere")

    def body(ctx: Context) -> str:
        try:
            ctx.task("try", fail)
        except Exception as error:  # noqa: BLE001 - as careless handlers do
            caught = error
        ctx.task("instead", script.call)
        if ctx.attempt == 1:
            raise Crash
        assert isinstance(caught, TaskFailed)
        return str(caught)

    script.run(body)
    assert script.run().result.endswith("Local: somewhere")


@pytest.mark.parametrize("worthless", [object(), {1, 2}, float("nan"), "\x00"])
def test_a_result_that_json_cannot_hold_fails_the_task(script: Script, worthless: Any) -> None:
    job = script.run(lambda ctx: ctx.task("give", script.call, worthless))
    assert (job.status, (job.error_details or {})["error_class"]) == ("dead_letter", "UnusableResult")
    assert Task.objects.get().status == "failed"


def test_arguments_are_shown_without_secrets_and_bounded(script: Script) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError

    def give(*args: Any, **kwargs: Any) -> None:
        pass

    script.run(lambda ctx: ctx.task("give", give, object(), Odd(), "\x00", password="hunter2", long="x" * 9_000))
    payload = Task.objects.get().payload
    assert payload["args"][0].startswith("<object object")
    assert payload["args"][1:] == ["<Odd>", r"'\x00'"]
    assert payload["kwargs"]["password"] == "[redacted]"
    assert len(payload["kwargs"]["long"]) < 4_100


def test_a_lost_lock_stops_the_tasks_and_keeps_nothing(script: Script) -> None:
    seen: list[type] = []

    def lose() -> int:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE job_processing_locks SET lock_token = nextval('job_lock_token_seq')")
        return 1

    def body(ctx: Context) -> None:
        for name in ("lose", "more"):
            try:
                ctx.task(name, lose)
            except LockLost as error:
                seen.append(type(error))
                assert ctx.is_cancelled()

    script.run(body)
    assert seen == [LockLost, LockLost]
    assert script.rows == [(1, "call", "lose", "processing", 1, None)]


def test_tasks_are_read_once_and_only_where_there_are_any(script: Script) -> None:
    def body(ctx: Context) -> None:
        for number in range(20):
            ctx.task("count", script.call, number)
        if ctx.attempt == 1:
            raise Crash

    def reads(body: Callable[[Context], Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            script.run(body)
        return sum('FROM "job_tasks"' in query["sql"] for query in captured)

    assert reads(body) == 1
    assert reads(body) == 1
    script.submit()
    assert reads(lambda ctx: None) == 0
