"""Workflows: steps that run after each other."""

from typing import Any

import pytest

from jobs.enqueue import After, NewJob
from jobs.exceptions import InvalidOption, InvalidWorkflow, UnknownDependency
from jobs.models import Batch, Dependency, Job
from jobs.testing import drain
from jobs.workflows import MOST_STEPS, Step, Workflow, enqueue_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _note(note: Any) -> None:
    """All jobs here are notes."""


def step(*depends_on: Any, on_failure: str | None = None, **payload: Any) -> Step:
    return Step(NewJob("note", payload), depends_on, on_failure)


def test_runs_its_steps_in_their_order() -> None:
    flow = enqueue_workflow({"last": step("b", "c"), "b": step("a"), "c": step("a"), "a": step()}, name="diamond")
    names = {job.id: name for name, job in flow.jobs.items()}
    order = [names[job.pk] for job in drain()]
    assert order[0] == "a"
    assert order[-1] == "last"
    assert set(order) == {"a", "b", "c", "last"}
    batch = flow.fetch()
    assert (batch.name, batch.total) == ("diamond", 4)
    assert batch.steps == {name: str(flow.jobs[name].id) for name in ("last", "b", "c", "a")}


def test_what_fails_runs_its_fallback_and_cancels_what_follows(register: Any) -> None:
    def fails(ctx: Any) -> None:
        raise ValueError("no")

    register("fails", fails, max_retries=0)
    flow = Workflow("alarm")
    bad = flow.add("bad", NewJob("fails", {}), on_failure="alarm")
    flow.add("alarm", NewJob("note", {}))
    flow.add("after", NewJob("note", {}), [bad])
    flow.add("always", NewJob("note", {}), [After(bad, "ended")])
    submitted = flow.enqueue()
    drain()
    found = {name: job.fetch() for name, job in submitted.jobs.items()}
    assert {name: job.status for name, job in found.items()} == {
        "bad": "dead_letter",
        "alarm": "completed",
        "after": "pending",
        "always": "completed",
    }


def test_a_fallback_that_is_not_needed_is_cancelled() -> None:
    flow = enqueue_workflow({"good": step(on_failure="alarm"), "alarm": step()})
    drain()
    assert flow.jobs["alarm"].fetch().status == "cancelled"


def test_steps_may_wait_for_jobs_outside() -> None:
    first = enqueue_workflow({"a": step()}).jobs["a"]
    flow = enqueue_workflow({"b": Step(NewJob("note", {}, {"depends_on": [first]}))})
    assert Dependency.objects.get(job=flow.jobs["b"].id).depends_on_id == first.id
    Job.objects.filter(pk=first.id).update(is_deleted=True)
    with pytest.raises(UnknownDependency):
        enqueue_workflow({"b": Step(NewJob("note", {}, {"depends_on": [first]}))})


@pytest.mark.parametrize(
    ("steps", "pointer", "words"),
    [
        ({}, "/steps", "must be 1 to 1,000 steps"),
        ({"a": step("b"), "b": step("c"), "c": step("a")}, "/steps", "in a circle: "),
        ({"a": step("a")}, "/steps", "in a circle: a → a"),
        ({"a": step("b"), "b": step(on_failure="a"), "c": step()}, "/steps/b/on_failure", "in another way"),
        ({"a": step("c", on_failure="b"), "b": step(), "c": step("b")}, "/steps", "in a circle: "),
        ({"a": step("z")}, "/steps/a/depends_on", "names 'z', which is no step"),
        ({"a": step(After("a", "maybe"))}, "/steps/a/depends_on", "condition other than"),
        ({"a": step(), "b": step("a", After("a", "ended"))}, "/steps/b/depends_on", "names 'a' twice"),
        ({"a": step(on_failure="z")}, "/steps/a/on_failure", "names 'z', which is no step"),
        (
            {"a": step(on_failure="c"), "b": step(on_failure="c"), "c": step()},
            "/steps/b/on_failure",
            "is there for 'a' already",
        ),
        ({"a b": step()}, "/steps", "'a b' must be named by"),
        ({f"s{n}": step() for n in range(MOST_STEPS + 1)}, "/steps", "must be 1 to 1,000 steps"),
    ],
)
def test_refuses(steps: dict[str, Step], pointer: str, words: str) -> None:
    with pytest.raises(InvalidWorkflow) as raised:
        enqueue_workflow(steps)
    assert raised.value.violations[0].pointer == pointer
    assert words in raised.value.violations[0].detail
    assert not Batch.objects.exists()


def test_names_the_cycle() -> None:
    with pytest.raises(InvalidWorkflow) as raised:
        enqueue_workflow({"x": step(), "a": step("c", "x"), "b": step("a"), "c": step("b")})
    detail = raised.value.violations[0].detail
    circle = detail.partition("circle: ")[2].rstrip(".").split(" → ")
    assert circle[0] == circle[-1]
    assert set(circle) == {"a", "b", "c"}


def test_says_which_step_is_wrong() -> None:
    with pytest.raises(InvalidOption, match="steps/b/timeout"):
        enqueue_workflow({"a": step(), "b": Step(NewJob("note", {}, {"timeout": -1}))})
    flow = Workflow()
    flow.add("a", NewJob("note", {}))
    with pytest.raises(InvalidWorkflow, match="steps/a"):
        flow.add("a", NewJob("note", {}))
