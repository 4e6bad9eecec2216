"""Code that changed between attempts is an error with a name, never a wrong result."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from jobs import dead_letters
from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import enqueue
from jobs.models import AuditEntry, DeadLetter, Job, Task
from jobs.testing import run_job
from tests.jobs.tasks.conftest import Crash, Script

pytestmark = pytest.mark.django_db


def before(ctx: Context) -> None:
    ctx.task("first", len, "a")
    ctx.map("each", abs, [1, 2])
    ctx.sleep(0)
    ctx.task("last", len, "b")
    raise Crash


def only(name: str) -> Callable[[Context], None]:
    return lambda ctx: ctx.task(name, len, "a") and None


def in_other_order(ctx: Context) -> None:
    ctx.map("each", abs, [1, 2])


def longer(ctx: Context) -> None:
    ctx.task("first", len, "a")
    ctx.map("each", abs, [1, 2, 3])


def other_items(ctx: Context) -> None:
    ctx.task("first", len, "a")
    ctx.map("each", abs, [1, 5])


def other_kind(ctx: Context) -> None:
    ctx.task("first", len, "a")
    ctx.map("each", abs, [1, 2])
    ctx.wait_for("sleep")


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (
            only("renamed"),
            "At position 1 the job remembers the task 'first', and the handler comes to the task 'renamed'",
        ),
        (only("first"), "At position 2 the job remembers the map 'each', and the handler has returned before it"),
        (lambda ctx: ctx.task("first", len, "other") and None, "the task 'first' with other arguments"),
        (in_other_order, "At position 1 the job remembers the task 'first', and the handler comes to the map 'each'"),
        (
            longer,
            "At position 2 the job remembers this map with 2 items, not 3, and the handler comes to the map 'each'",
        ),
        (other_items, "At position 2 the job remembers the map 'each', item 1, with other arguments"),
        (
            other_kind,
            "At position 3 the job remembers the sleep, and the handler comes to the wait for the event 'sleep'",
        ),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_run(script: Script, after: Any, message: str) -> None:
    script.run(before)
    rows = script.rows
    job = script.run(after)
    assert (job.status, (job.error_details or {})["error_class"]) == ("dead_letter", "TaskMismatch")
    assert message in str(job.error_message)
    assert script.rows == rows


def test_a_handler_cannot_swallow_it(script: Script) -> None:
    def careless(ctx: Context) -> str:
        try:
            ctx.task("renamed", script.call)
        except Exception:  # noqa: BLE001 - as careless handlers do
            script.call("swallowed")
        return "done"

    script.run(before)
    job = script.run(careless)
    assert (job.status, (job.error_details or {})["error_class"]) == ("dead_letter", "TaskMismatch")
    assert script.calls == ["swallowed"]


def test_what_never_finished_may_be_changed(script: Script) -> None:
    def failing(ctx: Context) -> None:
        ctx.task("first", len, "a")
        ctx.map("broken", lambda item: item / 0, [1, 2])

    script.run(failing)

    def mended(ctx: Context) -> Any:
        ctx.task("first", len, "a")
        return ctx.task("mended", len, "abc")

    assert script.run(mended).result == 3
    assert [row[:4] for row in script.rows] == [(1, "call", "first", "completed"), (2, "call", "mended", "completed")]


def test_a_task_within_a_task_is_refused(script: Script) -> None:
    job = script.run(lambda ctx: ctx.task("outer", lambda: ctx.task("inner", script.call)))
    assert "inside of another" in str(job.error_message)
    script.submit()
    job = script.run(lambda ctx: ctx.map("outer", lambda item: ctx.sleep(item), [1]))
    assert "inside of another" in str(job.error_message)
    assert script.calls == []


def test_a_task_within_a_transaction_is_refused(script: Script) -> None:
    def body(ctx: Context) -> None:
        with transaction.atomic():
            ctx.task("inside", script.call)

    assert "inside transaction.atomic()" in str(script.run(body).error_message)
    assert script.calls == []


def test_an_atomic_job_has_no_tasks(register: Callable[..., Handler]) -> None:
    register("atomic", lambda ctx: ctx.sleep(hours=1), schema={}, atomic=True)
    job = run_job(Job.objects.get(pk=enqueue("atomic", {}).id))
    assert (job.status, (job.error_details or {})["error_class"]) == ("dead_letter", "TasksNotAllowed")
    assert "a half of it" in str(job.error_message)


def test_a_plain_task_does_not_take_a_coroutine(script: Script) -> None:
    async def coroutine() -> None:
        pass

    job = script.run(lambda ctx: ctx.task("coroutine", coroutine))
    assert "context.atask" in str(job.error_message)


@pytest.mark.parametrize("name", ["", "x" * 201, "\x00", 5])
def test_names_have_bounds(script: Script, name: Any) -> None:
    assert script.run(lambda ctx: ctx.task(name, script.call)).status == "pending"
    assert not Task.objects.exists()


def test_a_redrive_resumes_and_an_edited_payload_begins_anew(script: Script, actor: Any) -> None:
    def body(ctx: Context) -> None:
        ctx.task("first", script.call, 1)
        ctx.task("second", len, 5)

    job = script.run(body)
    Job.objects.filter(pk=job.pk).update(max_retries=0)
    script.run()
    dead_letters.redrive(DeadLetter.objects.open().get().pk, actor)
    assert Task.objects.filter(status="completed").count() == 1
    script.run()
    assert script.calls == [1]
    Job.objects.filter(pk=job.pk).update(max_retries=0, retry_count=0)
    if script.job.status != "dead_letter":
        script.run()
    dead_letters.redrive(DeadLetter.objects.open().get().pk, actor, payload={"n": 2})
    assert not Task.objects.exists()
    entry = AuditEntry.objects.get(action="forget tasks")
    assert entry.details["tasks"] == 2
