"""Sleeps and events: no worker meanwhile, nothing lost, and the database's clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import control, events
from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import enqueue
from jobs.exceptions import EventTimeout, InvalidPayload, InvalidState, TooManyEvents
from jobs.models import AuditEntry, Event, Job, ProcessingLock, Task
from jobs.models.columns import ClockTimestamp
from jobs.testing import drain, run_job
from jobs.worker.waits import release_timed_out_waits
from tests.jobs.tasks.conftest import Crash, Script

pytestmark = pytest.mark.django_db


def end_wait(job: Job) -> None:
    """Have it be late already."""
    Task.objects.filter(job=job, status="processing").update(wake_at=ClockTimestamp() - timedelta(seconds=1))
    Job.objects.filter(pk=job.pk).update(scheduled_at=ClockTimestamp() - timedelta(seconds=1))


def test_a_sleeping_job_holds_no_worker_and_uses_no_retry(script: Script) -> None:
    def body(ctx: Context) -> str:
        ctx.task("before", script.call, "before")
        ctx.sleep(hours=6)
        ctx.task("after", script.call, "after")
        return "rested"

    job = script.run(body)
    assert (job.status, job.retry_count, job.waits_for, job.started_at) == ("pending", 0, None, None)
    assert timedelta(hours=5.9) < job.scheduled_at - timezone.now() < timedelta(hours=6)
    assert not ProcessingLock.objects.exists()
    assert script.rows[1] == (2, "sleep", "sleep", "processing", 1, None)
    assert Task.objects.get(position=2).wake_at == job.scheduled_at
    end_wait(job)
    job = script.run()
    assert (job.status, job.result) == ("completed", "rested")
    assert script.calls == ["before", "after"]
    assert script.rows[1] == (2, "sleep", "sleep", "completed", 1, None)


def test_a_sleep_that_is_disturbed_goes_on_until_its_end(script: Script, actor: Any) -> None:
    job = script.run(lambda ctx: ctx.sleep(hours=1))
    wake_at = job.scheduled_at
    control.retry(job.pk, actor)
    assert script.run().scheduled_at == wake_at
    assert script.rows == [(1, "sleep", "sleep", "processing", 1, None)]


@pytest.mark.parametrize("until", [{"until": datetime(2020, 1, 1, tzinfo=UTC)}, {"seconds": 0}])
def test_a_sleep_that_is_over_when_it_begins(script: Script, until: Any) -> None:
    assert script.run(lambda ctx: ctx.sleep(**until)).status == "completed"


@pytest.mark.parametrize(
    "wrong",
    [{"seconds": -1}, {"days": 99_999}, {"until": datetime(2030, 1, 1)}, {"seconds": 1, "until": timezone.now()}],
)
def test_sleeps_that_cannot_be(script: Script, wrong: Any) -> None:
    job = script.run(lambda ctx: ctx.sleep(**wrong))
    assert (job.error_details or {})["error_class"] == "ValueError"


def test_a_handler_that_catches_everything_sleeps_all_the_same(script: Script) -> None:
    def body(ctx: Context) -> str:
        try:
            ctx.sleep(seconds=3600)
        except BaseException:  # noqa: BLE001 - as careless handlers do
            script.call("caught")
        return "not now"

    assert script.run(body).status == "pending"
    assert script.calls == ["caught"]


def test_a_job_waits_for_its_event(script: Script, actor: Any) -> None:
    def body(ctx: Context) -> Any:
        return ctx.wait_for("approved", timeout=timedelta(hours=1))

    job = script.run(body)
    assert (job.status, job.waits_for, job.retry_count) == ("pending", "event", 0)
    assert timedelta(minutes=59) < job.scheduled_at - timezone.now() < timedelta(hours=1)
    events.send(job.pk, "other")
    assert Job.objects.get().waits_for == "event"
    event = events.send(job.pk, "approved", {"by": "ada"}, actor)
    job = Job.objects.get()
    assert job.waits_for is None
    assert job.scheduled_at <= timezone.now() + timedelta(seconds=5)
    job = script.run()
    assert (job.status, job.result) == ("completed", {"by": "ada"})
    event.refresh_from_db()
    assert event.task == Task.objects.get()
    assert script.rows == [(1, "event", "approved", "completed", 1, {"by": "ada"})]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.details["event"]) == ("send event", "approved")


def test_events_are_taken_in_their_order_each_once(script: Script) -> None:
    for number in range(3):
        events.send(script.job.pk, "step", {"number": number})

    def body(ctx: Context) -> list[Any]:
        taken = [ctx.wait_for("step")["number"] for _ in range(3)]
        if ctx.attempt == 1:
            raise Crash
        return taken

    script.run(body)
    assert script.run().result == [0, 1, 2]
    assert Event.objects.filter(task=None).count() == 0


def test_without_a_time_out_it_waits_for_ever(script: Script) -> None:
    job = script.run(lambda ctx: ctx.wait_for("approved"))
    assert (job.waits_for, job.scheduled_at.year) == ("event", 9000)
    assert release_timed_out_waits() == []


def test_an_event_that_does_not_come_is_an_error_every_time(script: Script) -> None:
    def body(ctx: Context) -> str:
        try:
            ctx.wait_for("approved", timeout=60)
        except EventTimeout as error:
            script.call(str(error))
        if len(script.calls) == 1:
            raise Crash
        ctx.task("remind", script.call, "remind")
        return "nobody"

    job = script.run(body)
    end_wait(job)
    assert release_timed_out_waits() == [(job.queue, job.priority)]
    assert Job.objects.get().waits_for is None
    assert script.run().retry_count == 1
    events.send(job.pk, "approved")
    assert script.run().result == "nobody"
    assert script.calls == ["The event 'approved' did not come within 60 s."] * 2 + ["remind"]
    assert Event.objects.get().task is None


def test_an_event_that_came_in_time_counts_even_if_the_job_looks_late(script: Script) -> None:
    job = script.run(lambda ctx: ctx.wait_for("approved", timeout=60))
    events.send(job.pk, "approved", {"by": "bob"})
    end_wait(job)
    assert script.run().result == {"by": "bob"}


def test_a_time_out_that_nobody_catches_is_for_a_person_who_may_wait_again(script: Script, actor: Any) -> None:
    from jobs import dead_letters
    from jobs.models import DeadLetter

    job = script.run(lambda ctx: ctx.wait_for("approved", timeout=60))
    end_wait(job)
    job = script.run()
    assert (job.status, (job.error_details or {})["error_class"]) == ("dead_letter", "EventTimeout")
    dead_letters.redrive(DeadLetter.objects.get().pk, actor)
    job = script.run()
    assert (job.status, job.waits_for) == ("pending", "event")


def test_what_cannot_be_sent(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = script.job.pk
    for name in ("", "a b", "x" * 101, "ä", "a/b"):
        with pytest.raises(InvalidPayload):
            events.send(pk, name)
    with pytest.raises(InvalidPayload):
        events.send(pk, "fine", {"n": float("nan")})
    monkeypatch.setattr(events, "MOST_UNTAKEN", 2)
    events.send(pk, "one")
    events.send(pk, "two")
    with pytest.raises(TooManyEvents):
        events.send(pk, "three")
    script.run(lambda ctx: None)
    with pytest.raises(InvalidState):
        events.send(pk, "late")


def test_a_waiting_job_can_be_cancelled(script: Script, actor: Any) -> None:
    job = script.run(lambda ctx: ctx.wait_for("approved"))
    assert control.cancel(job.pk, actor).status == "cancelled"
    control.retry(job.pk, actor)
    job = script.run()
    assert (job.status, job.waits_for) == ("pending", "event")


def test_tests_need_not_wait(script: Script) -> None:
    def body(ctx: Context) -> str:
        ctx.sleep(days=30)
        try:
            ctx.wait_for("approved", timeout=timedelta(days=30))
        except EventTimeout:
            ctx.wait_for("at-last")
        return "done"

    script.run(body)
    assert [(job.status, job.error_message, job.waits_for) for job in drain(scheduled=True)] == [
        ("pending", None, "event")
    ]
    events.send(script.job.pk, "at-last")
    assert [job.result for job in drain()] == ["done"]


def test_coroutines_sleep_and_wait_too(register: Callable[..., Handler]) -> None:
    async def body(ctx: Context) -> list[Any]:
        first = await ctx.atask("double", double, 4)
        plain = await ctx.atask("plain", len, "four")
        await ctx.asleep(hours=1)
        answer = await ctx.await_for("answer", timeout=9)
        return [first, plain, answer["text"]]

    async def double(number: int) -> int:
        return number * 2

    register("coroutine", body)
    job = run_job(Job.objects.get(pk=enqueue("coroutine", {}).id))
    assert (job.status, job.waits_for) == ("pending", None)
    end_wait(job)
    job = run_job(job)
    assert job.waits_for == "event"
    events.send(job.pk, "answer", {"text": "yes"})
    assert run_job(job).result == [8, 4, "yes"]
