"""Jobs that a handler submits with its outcome, and what it can read of the jobs before it."""

import pickle
from typing import Any

import pytest

from jobs.batches import enqueue_batch
from jobs.context import Context
from jobs.enqueue import After, NewJob, enqueue
from jobs.exceptions import InvalidOption, InvalidPayload, Snooze
from jobs.execution import run
from jobs.models import Dependency, Job
from jobs.outcomes import Attempt, Completed
from jobs.recording import record
from jobs.testing import drain, run_job
from jobs.uniqueness import Unique
from jobs.workflows import Step, enqueue_workflow
from tests.jobs import rows

pytestmark = pytest.mark.django_db


def submit(register: Any, handler: Any, **options: Any) -> Job:
    register("leads", handler, **options)
    return enqueue("leads", {}).fetch()


def claimed(job: Job) -> Attempt:
    lock = rows.start(job)
    job.refresh_from_db()
    texts = (str(job.pk), lock.lock_token, job.job_type, job.queue, job.priority, "{}")
    return Attempt(*texts, job.attempt, job.retry_count, job.max_retries, job.timeout, 0.0)


def test_are_there_when_the_attempt_completes(register: Any, note: Any, actor: Any) -> None:
    def lead(ctx: Context) -> None:
        first = ctx.enqueue(note, {"n": 1}, priority=9)
        ctx.enqueue("note", {"n": 2}, depends_on=[first])
        assert not Job.objects.filter(job_type="note").exists()

    job = submit(register, lead)
    Job.objects.filter(pk=job.pk).update(user=actor)
    assert run_job(job).status == "completed"
    found = {each.payload["n"]: each for each in Job.objects.filter(job_type="note")}
    assert (found[1].priority, found[1].user, found[2].waits_for) == (9, actor, "jobs")
    assert [each.payload["n"] for each in drain()] == [1, 2]


@pytest.mark.parametrize("error", [ValueError("no"), Snooze(1)])
def test_are_not_there_otherwise(register: Any, note: Any, error: Exception) -> None:
    def lead(ctx: Context) -> None:
        ctx.enqueue("note", {})
        raise error

    run_job(submit(register, lead))
    assert not Job.objects.filter(job_type="note").exists()


def test_are_not_there_when_the_lock_is_lost(register: Any, note: Any) -> None:
    def lead(ctx: Context) -> None:
        ctx.enqueue("note", {})

    attempt = claimed(submit(register, lead))
    outcome = run(attempt, Context(attempt, lambda attempt: None))
    attempt.lock_token += 1
    assert record([(attempt, outcome)]) == [attempt]
    assert not Job.objects.filter(job_type="note").exists()


def test_are_there_once_when_an_atomic_job_completes(register: Any, note: Any) -> None:
    def lead(ctx: Context) -> None:
        ctx.enqueue("note", {})

    run_job(submit(register, lead, atomic=True))
    assert Job.objects.filter(job_type="note").count() == 1


def test_come_out_of_a_child_process_as_they_went_in(register: Any, note: Any, actor: Any) -> None:
    def lead(ctx: Context) -> None:
        ctx.enqueue("note", {"n": 1}, user=actor, delay=60, on_failure=NewJob("note", {"n": 2}))

    attempt = claimed(submit(register, lead))
    outcome = run(attempt, Context(attempt, lambda attempt: None))
    assert isinstance(outcome, Completed)
    again = pickle.loads(pickle.dumps(outcome))
    assert again == outcome
    assert record([(attempt, again)]) == []
    assert Job.objects.filter(job_type="note", user=actor).count() == 2


def test_are_checked_where_they_are_asked_for(register: Any, note: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    register("narrow", lambda ctx, n: n, schema={"type": "object", "required": ["n"]})
    monkeypatch.setattr("jobs.follow_ups.MOST_FOLLOW_UPS", 1)

    def lead(ctx: Context) -> None:
        with pytest.raises(InvalidPayload):
            ctx.enqueue("narrow", {})
        with pytest.raises(InvalidOption, match="mode raise"):
            ctx.enqueue("note", {}, unique_key="k", unique=Unique(mode="raise"))
        ctx.enqueue("note", {})
        with pytest.raises(InvalidOption, match="at most 1"):
            ctx.enqueue("note", {})

    assert run_job(submit(register, lead)).status == "completed"


def test_one_that_depends_on_nothing_known_is_cancelled(register: Any, note: Any) -> None:
    def lead(ctx: Context) -> None:
        ctx.enqueue("note", {}, depends_on=["00000000-0000-7000-8000-000000000000"])

    run_job(submit(register, lead))
    job = Job.objects.get(job_type="note")
    assert job.status == "cancelled"
    assert "is not there any more" in str(job.error_message)


def test_a_step_reads_the_results_of_those_before_it(register: Any, note: Any) -> None:
    read: dict[str, Any] = {}

    def total(ctx: Context) -> None:
        read["ones"] = [(each.name, each.status, each.result) for each in ctx.dependencies]
        read["b"] = ctx.dependencies["b"].result
        read["count"] = len(ctx.dependencies)
        read["batch"] = ctx.batch and ctx.batch.name
        for key in ("z", "00000000-0000-7000-8000-000000000000"):
            with pytest.raises(KeyError):
                _ = ctx.dependencies[key]

    register("total", total)
    steps = {name: Step(NewJob("note", {"n": name})) for name in "ab"}
    enqueue_workflow({**steps, "total": Step(NewJob("total", {}), ["a", After("b", "ended")])}, name="sums")
    assert drain()[-1].status == "completed"
    assert read == {
        "ones": [("a", "completed", {"n": "a"}), ("b", "completed", {"n": "b"})],
        "b": {"n": "b"},
        "count": 2,
        "batch": "sums",
    }


def test_a_callback_reads_page_after_page(register: Any, note: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.depending.PAGE", 3)
    register("total", lambda ctx: sum(each.result["n"] for each in ctx.dependencies))
    batch = enqueue_batch([NewJob("note", {"n": n}) for n in range(10)], on_completed=NewJob("total", {}))
    assert drain()[-1].result == sum(range(10))
    Job.objects.filter(pk=batch.jobs[0].id).delete()
    assert Dependency.objects.filter(job=batch.callback.id).count() == 10  # type: ignore[union-attr]


def test_an_on_failure_learns_what_went_wrong(register: Any, note: Any) -> None:
    def fails(ctx: Context) -> None:
        raise ValueError("the disk is full")

    register("fails", fails, max_retries=0)
    register("alarm", lambda ctx: [each.error for each in ctx.dependencies])
    enqueue("fails", {}, on_failure=NewJob("alarm", {}))
    assert drain()[-1].result == ["the disk is full"]
