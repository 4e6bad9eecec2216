"""Jobs as steps of a workflow: which runs after which, and which if another fails. A workflow is a batch."""

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from jobs import catalogue
from jobs.batches import insert_batch, named, new_batch
from jobs.drafts import After, Condition, Edge
from jobs.exceptions import InvalidWorkflow, Violation
from jobs.models import Batch
from jobs.new_job import Enqueued, NewJob
from jobs.options import Options

MOST_STEPS: Final = 1_000
MOST_EDGES: Final = 10_000
STEP_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Step:
    """One job of a workflow, the steps that it runs after, and the step that runs if it fails for good."""

    job: NewJob
    #: Names of steps, or After(name, condition).
    depends_on: Sequence[str | After] = ()
    on_failure: str | None = None


@dataclass(frozen=True, slots=True)
class EnqueuedWorkflow:
    """A submitted workflow: its batch, and its jobs by the names of their steps."""

    id: uuid.UUID
    jobs: dict[str, Enqueued]

    def fetch(self) -> Batch:
        """Read its batch as it is now."""
        return Batch.objects.get(pk=self.id)


class Workflow:
    """Steps, added one after the other: add() gives the name, to be used in `depends_on` of later ones."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.steps: dict[str, Step] = {}

    def add(self, name: str, job: NewJob, depends_on: Sequence[str | After] = (), on_failure: str | None = None) -> str:
        """Add a step; raises InvalidWorkflow for a name that is taken."""
        if name in self.steps:
            raise InvalidWorkflow([Violation(f"/steps/{name}", "duplicate", "is the name of another step")])
        self.steps[name] = Step(job, depends_on, on_failure)
        return name

    def enqueue(self, **chosen: Any) -> EnqueuedWorkflow:
        """Submit it, as enqueue_workflow does."""
        return enqueue_workflow(self.steps, name=self.name, **chosen)


def enqueue_workflow(
    steps: Mapping[str, Step],
    *,
    name: str = "",
    metadata: Mapping[str, Any] | None = None,
    user: Any = None,
    workspace: Any = None,
    parent: Any = None,
) -> EnqueuedWorkflow:
    """Submit the steps of a workflow, all or none, in the caller's transaction if there is one.

    Each runs when all that it depends on have completed, or have ended as After says; one that never can is cancelled,
    and so is an `on_failure` that is not needed. `user`, `workspace` and `parent` are those of all jobs that do not
    choose their own. Raises InvalidWorkflow for unknown names and cycles, and as enqueue does; then nothing has been
    written.
    """
    if violations := list(_violations(steps)):
        raise InvalidWorkflow(violations)
    batch = new_batch(name, metadata, user)
    shared: Options = {"user": user, "workspace": workspace, "parent": parent, "batch": batch}
    catalogue.prefetch(step.job.job_type for step in steps.values())
    groups = {name: named(f"steps/{name}", step.job, shared) for name, step in steps.items()}
    ids = {name: group[0].id for name, group in groups.items()}
    batch.steps = {name: str(job_id) for name, job_id in ids.items()}
    for name, needs in _needs(steps).items():
        first = groups[name][0]
        groups[name][0] = first.after(*(Edge(first.id, ids[other], condition) for other, condition in needs))
    submitted = insert_batch(batch, list(groups.values()))
    return EnqueuedWorkflow(batch.pk, {name: submitted[job_id] for name, job_id in ids.items()})


def _needs(steps: Mapping[str, Step]) -> dict[str, list[tuple[str, str]]]:
    """Give the names and conditions of what each step waits for; an on_failure waits for the step it is there for."""
    needs = {name: [_read(each) for each in step.depends_on] for name, step in steps.items()}
    for name, step in steps.items():
        if step.on_failure is not None:
            needs[step.on_failure].append((name, Condition.FAILED.value))
    return needs


def _read(each: str | After) -> tuple[str, str]:
    return (each.job, each.condition) if isinstance(each, After) else (each, Condition.COMPLETED.value)


def _violations(steps: Mapping[str, Step]) -> Iterator[Violation]:
    if not 0 < len(steps) <= MOST_STEPS:
        yield Violation("/steps", "number", f"must be 1 to {MOST_STEPS:,} steps.")
        return
    if sum(len(step.depends_on) for step in steps.values()) > MOST_EDGES:
        yield Violation("/steps", "number", f"must have at most {MOST_EDGES:,} dependencies.")
        return
    found = [violation for name in steps for violation in _of_step(steps, name)]
    found += _of_fallbacks(steps)
    yield from found
    if not found and (cycle := _cycle(steps)):
        yield Violation("/steps", "cycle", f"must not wait for each other in a circle: {' → '.join(cycle)}.")


def _of_step(steps: Mapping[str, Step], name: str) -> Iterator[Violation]:
    step, place = steps[name], f"/steps/{name}"
    if not isinstance(name, str) or not STEP_NAME.fullmatch(name):
        detail = "must be named by 1 to 64 letters, digits, dots, dashes or underscores, no dot or dash first."
        yield Violation("/steps", "name", f"{str(name)[:64]!r} {detail}")
        return
    seen = set()
    for other, condition in map(_read, step.depends_on):
        if other not in steps:
            yield Violation(f"{place}/depends_on", "unknown-step", f"names {other!r}, which is no step.")
        elif condition not in Condition.values:
            detail = f"has a condition other than {', '.join(Condition.values)}."
            yield Violation(f"{place}/depends_on", "condition", detail)
        elif other in seen:
            yield Violation(f"{place}/depends_on", "duplicate", f"names {other!r} twice.")
        seen.add(other)
    if step.on_failure is not None and step.on_failure not in steps:
        yield Violation(f"{place}/on_failure", "unknown-step", f"names {step.on_failure!r}, which is no step.")


def _of_fallbacks(steps: Mapping[str, Step]) -> Iterator[Violation]:
    owners: dict[str, str] = {}
    for name, step in steps.items():
        if step.on_failure is None or step.on_failure not in steps:
            continue
        place = f"/steps/{name}/on_failure"
        if (other := owners.setdefault(step.on_failure, name)) != name:
            # It would run only if both fail, which is hardly what is meant.
            yield Violation(place, "duplicate", f"names {step.on_failure!r}, which is there for {other!r} already.")
        elif name in {other for other, _ in map(_read, steps[step.on_failure].depends_on)}:
            detail = f"names {step.on_failure!r}, which depends on {name!r} in another way."
            yield Violation(place, "duplicate", detail)


def _cycle(steps: Mapping[str, Step]) -> list[str]:
    graph = {name: {other for other, _ in needs} for name, needs in _needs(steps).items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
