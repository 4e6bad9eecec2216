"""Workflows, batches, parents and dependents against a model, in whatever order people and workers act."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs import batches, control, dead_letters
from jobs.batches import enqueue_batch
from jobs.enqueue import After, NewJob, enqueue
from jobs.models import Batch, DeadLetter, Dependency, Job, ReleaseCheck
from jobs.models.columns import ClockTimestamp
from jobs.registry import JobType, registry
from jobs.releasing import release_waiting
from jobs.workflows import Step, enqueue_workflow
from tests.jobs.flows import CONDITIONS, Flows, Need, Node

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

#: `STORM=300 make storm` goes on for longer, by chance.
STORMING = bool(os.environ.get("STORM"))
TYPE = "machine_of_workflows"
MOST_RETRIES = 1

_START = """
SELECT job_id, lock_token FROM start_jobs(%s::uuid[], 'machine', '1 hour')
"""
_OUTCOMES: Mapping[str, str] = {
    "completed": "SELECT complete_jobs(ARRAY[%s::uuid], ARRAY[%s], ARRAY[NULL::jsonb])",
    "cancelled": "SELECT cancel_jobs(ARRAY[%s::uuid], ARRAY[%s])",
    "dead_letter": "SELECT fail_job(%s, %s, 'E', 'it broke', '{}', false)",
    "retry": "SELECT fail_job(%s, %s, 'E', 'it broke', '{}', true, interval '0')",
}

NEW = NewJob(TYPE, {}, {"max_retries": MOST_RETRIES})
#: Which of the jobs in question, counted from the latest: most of what happens, happens to young ones.
LATEST = st.integers(0, 9) | st.integers(0, 2)
CONDITION = st.sampled_from(CONDITIONS)
#: Which earlier jobs or steps one waits for, counted back, and how they have to end.
NEEDS = st.dictionaries(st.integers(0, 4), CONDITION, max_size=3)
PARENT = st.none() | LATEST


def in_status(*statuses: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Allow a rule only when there are such jobs."""
    return precondition(lambda self: self.flows.be(*statuses))


@dataclass(frozen=True)
class Callback:
    batch: UUID
    node: Node | None


class WorkflowMachine(RuleBasedStateMachine):
    """The model says at any time what each job and each dependency is, and when a job may start."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.flows = Flows()
        self.nodes: dict[UUID, Node] = {}
        self.ids: dict[Node, UUID] = {}
        self.tokens: dict[Node, int] = {}
        self.batches: list[Callback] = []

    @initialize()
    def register(self) -> None:
        registry.add(JobType(TYPE, lambda ctx: None))

    def teardown(self) -> None:
        try:
            if TYPE in registry:
                self.run_to_the_end()
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)
            if TYPE in registry:
                registry.remove(TYPE)

    # Submitting

    @rule(needs=NEEDS, parent=PARENT, fallback=st.booleans())
    def one(self, needs: dict[int, str], parent: int | None, fallback: bool) -> None:
        """A job behind others, in whatever state those are, and perhaps one for the case that it fails."""
        node = Node("one", self.pick(parent), self.needs_of(needs, self.flows.nodes))
        depends_on = [After(self.ids[need.other], need.condition) for need in node.needs]
        behind = NEW if fallback else None
        job_id = enqueue(
            TYPE, {}, depends_on=depends_on, parent=self.id_of(node.parent), on_failure=behind, max_retries=MOST_RETRIES
        ).id
        nodes, ids = [node], [job_id]
        if fallback:
            nodes.append(Node("fallback", node.parent, [Need(node, "failed")]))
            ids.append(Dependency.objects.get(depends_on=job_id).job_id)
        self.added(nodes, ids)

    @rule(shape=st.lists(NEEDS, min_size=2, max_size=5), failing=st.integers(0, 8), parent=PARENT)
    def workflow(self, shape: list[dict[int, str]], failing: int, parent: int | None) -> None:
        """Steps behind each other, of which the last may be there for the case that another one fails."""
        above = self.pick(parent)
        nodes: list[Node] = []
        for needs in shape:
            nodes.append(Node(f"step_{len(nodes)}", above, self.needs_of(needs, nodes)))
        steps = {
            node.name: Step(NEW, [After(need.other.name, need.condition) for need in node.needs]) for node in nodes
        }
        last = nodes[-1]
        if failing < len(nodes) - 1 and nodes[failing] not in [need.other for need in last.needs]:
            first = steps[f"step_{failing}"]
            steps[f"step_{failing}"] = Step(first.job, first.depends_on, on_failure=last.name)
            last.needs.append(Need(nodes[failing], "failed"))
        flow = enqueue_workflow(steps, parent=self.id_of(above))
        self.added(nodes, [flow.jobs[node.name].id for node in nodes])
        self.batches.append(Callback(flow.id, None))

    @rule(
        members=st.lists(st.booleans(), max_size=3),
        callback=st.sampled_from(["on_completed", "on_ended"]),
        parent=PARENT,
    )
    def batch(self, members: list[bool], callback: str, parent: int | None) -> None:
        """Jobs, some with one for the case of failure, and the one that runs behind all of them."""
        above = self.pick(parent)
        news = [NewJob(TYPE, {}, {**NEW.options, **({"on_failure": NEW} if fails else {})}) for fails in members]
        batch = enqueue_batch(news, parent=self.id_of(above), **{callback: NEW})  # type: ignore[arg-type]
        assert batch.callback
        nodes, ids = [], []
        for fails, job in zip(members, batch.jobs, strict=True):
            nodes.append(Node("member", above))
            ids.append(job.id)
            if fails:
                nodes.append(Node("fallback", above, [Need(nodes[-1], "failed")]))
                found = Dependency.objects.exclude(job=batch.callback.id).get(depends_on=job.id)
                ids.append(found.job_id)
        awaited = nodes if callback == "on_ended" else [node for node in nodes if node.name == "member"]
        last = Node(callback, above, [Need(node, callback.removeprefix("on_")) for node in awaited])
        self.added([*nodes, last], [*ids, batch.callback.id])
        self.batches.append(Callback(batch.id, last))

    # What workers do

    @rule(most=st.integers(1, 6))
    def start(self, most: int) -> None:
        """Claim what is due, as far as one likes."""
        due = Job.objects.startable().filter(scheduled_at__lte=ClockTimestamp()).order_by("id")
        found = list(due.values_list("pk", flat=True)[:most])
        rows = self.ask(_START, [found])
        assert {job_id for job_id, _ in rows} == set(found)
        assert len(found) == min(most, len(self.flows.startable()))
        for job_id, token in rows:
            self.flows.start(self.nodes[job_id])
            self.tokens[self.nodes[job_id]] = token

    @in_status("processing")
    @rule(which=LATEST, outcome=st.sampled_from(["completed", "completed", "dead_letter", "dead_letter", "retry"]))
    def record(self, which: int, outcome: str) -> None:
        node = self.choose(which, "processing")
        self.write(node, outcome)
        if outcome == "retry":
            self.flows.fail(node, MOST_RETRIES)
        else:
            self.flows.end(node, outcome)

    @precondition(lambda self: any(node.asked for node in self.flows.be("processing")))
    @rule()
    def stop(self) -> None:
        """A handler notices that somebody has asked to cancel its job."""
        node = next(node for node in self.flows.be("processing") if node.asked)
        self.write(node, "cancelled")
        self.flows.end(node, "cancelled")

    @rule()
    def release(self) -> None:
        released = release_waiting()
        assert not released.more
        assert bool(released.lanes) == self.flows.release()
        assert not ReleaseCheck.objects.exists()

    # What people do

    @in_status("pending", "processing")
    @rule(which=LATEST)
    def cancel(self, which: int) -> None:
        node = self.choose(which, "pending", "processing")
        control.cancel(self.ids[node], None)
        self.flows.cancel(node)

    @in_status("failed", "cancelled", "pending")
    @rule(which=LATEST)
    def retry(self, which: int) -> None:
        node = self.choose(which, "failed", "cancelled", "pending")
        control.retry(self.ids[node], None)
        self.flows.again(node)

    @in_status("dead_letter")
    @rule(which=LATEST, act=st.sampled_from(["redrive", "discard", "resolve"]))
    def settle(self, which: int, act: str) -> None:
        node = self.choose(which, "dead_letter")
        letter = DeadLetter.objects.get(original_job=self.ids[node], resolution_status="open")
        getattr(dead_letters, act)(letter.pk, None)
        if act == "redrive":
            self.flows.again(node)
        else:
            self.flows.end(node, "failed" if act == "discard" else "completed")

    @precondition(lambda self: self.batches)
    @rule(which=LATEST)
    def cancel_batch(self, which: int) -> None:
        batch = self.batches[-1 - which % len(self.batches)]
        batches.cancel(batch.batch, None)
        members = Job.objects.filter(batch=batch.batch).values_list("pk", flat=True)
        nodes = [self.nodes[job_id] for job_id in members]
        self.flows.cancel_all(node for node in nodes if node is not batch.node)

    # What holds at any time

    @invariant()
    def jobs_are_as_the_model_says(self) -> None:
        columns = ("status", "waits_for", "cancel_requested_at", "error_details", "error_message", "retry_count")
        for job_id, status, waits, asked, error, message, retries in Job.objects.values_list("pk", *columns):
            node = self.nodes[job_id]
            told = (status, waits == "jobs", asked is not None, retries)
            assert told == (node.status, node.waits, node.asked, node.retries), node
            if status == "cancelled" and node.why:
                assert error["kind"] == node.why, node
                assert message == error["message"]
                assert self.says_why(node, message), message

    @invariant()
    def dependencies_are_as_the_model_says(self) -> None:
        columns = ("job", "depends_on", "condition", "status")
        found = set(Dependency.objects.values_list(*columns))
        said = {
            (self.ids[node], self.ids[need.other], need.condition, need.status)
            for node in self.flows.nodes
            for need in node.needs
        }
        assert found == said

    def says_why(self, node: Node, message: str) -> bool:
        """Whether it names who is to blame, and how that one ended, whatever has become of it since."""
        if node.why == "batch":
            return message in {f"Its batch {batch.batch} was cancelled." for batch in self.batches}
        if node.why == "parent":
            return message in {f"Its parent, job {self.ids[each]}, was cancelled." for each in node.ancestors()}
        ways = [f"as {end}" for end in ("completed", "failed", "cancelled")] + ["otherwise and was put back since"]
        unmet = [self.ids[need.other] for need in node.needs if need.status == "unmet"]
        return message in {f"It depends on job {other}, which ended {way}." for other in unmet for way in ways}

    # Means

    def run_to_the_end(self) -> None:
        """Let all that can run complete; then nothing waits but for what may still happen."""
        self.release()
        while self.flows.be("processing") or self.flows.startable():
            self.start(len(self.nodes))
            for node in self.flows.be("processing"):
                self.write(node, "completed")
                self.flows.end(node, "completed")
            self.release()
        self.jobs_are_as_the_model_says()
        self.dependencies_are_as_the_model_says()
        for node in self.flows.be("pending"):
            assert any(need.status == "open" and need.other.status in {"dead_letter", "pending"} for need in node.needs)
        for batch in self.batches:
            counts = batches.count(Batch.objects.get(pk=batch.batch))
            if batch.node and batch.node.name == "on_ended" and counts.progress == 100:
                assert batch.node.started or batch.node.why == "parent" or batch.node.asked

    def added(self, nodes: list[Node], ids: list[UUID]) -> None:
        self.nodes.update(zip(ids, nodes, strict=True))
        self.ids.update(zip(nodes, ids, strict=True))
        self.flows.submit(nodes)

    def write(self, node: Node, outcome: str) -> None:
        assert self.ask(_OUTCOMES[outcome], [self.ids[node], self.tokens.pop(node)]) != [(None,)]

    def choose(self, which: int, *statuses: str) -> Node:
        found = self.flows.be(*statuses)
        return found[which % len(found)]

    def id_of(self, node: Node | None) -> UUID | None:
        return self.ids[node] if node else None

    def pick(self, which: int | None) -> Node | None:
        return self.flows.nodes[-1 - which] if which is not None and which < len(self.flows.nodes) else None

    def needs_of(self, needs: dict[int, str], before: list[Node]) -> list[Need]:
        return [Need(before[-1 - back], condition) for back, condition in needs.items() if back < len(before)]

    def ask(self, sql: str, arguments: list[Any]) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())


@pytest.mark.timeout(3_600 if STORMING else 300)
def test_jobs_that_belong_together_agree_with_the_model() -> None:
    run_state_machine_as_test(
        WorkflowMachine,
        settings=settings(
            max_examples=2_000 if STORMING else 20,
            stateful_step_count=40,
            deadline=None,
            derandomize=not STORMING,
            # Who has the time shrinks what was found.
            phases=[Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if STORMING else [])],
            suppress_health_check=list(HealthCheck),
        ),
    )
