"""Tasks, events and suspended jobs against a model: attempts that end anywhere, in whatever order things happen."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs import events
from jobs.context import Context
from jobs.enqueue import enqueue
from jobs.exceptions import EventTimeout, InvalidState, LockLost
from jobs.execution import run
from jobs.models import Event, Job, Task
from jobs.models.columns import ClockTimestamp
from jobs.outcomes import Attempt
from jobs.recording import record
from jobs.registry import JobType, registry
from jobs.worker.waits import release_timed_out_waits

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

#: The handler's code: what it comes to, one after the other.
STEPS = ("call", "event", "map", "sleep", "event", "timed", "call")
ITEMS = 3
NAME = "machine_of_tasks"


class Crash(Exception):
    """The worker dies here: nothing is recorded."""


class TaskMachine(RuleBasedStateMachine):
    """One job. The model knows how often each function ran, which events were taken, and where the handler is."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        # As test cases mark theirs: the tasks are written in it.
        self.block._from_testcase = True  # type: ignore[attr-defined]
        self.finished: set[Any] = set()
        self.results: dict[Any, Any] = {}
        self.sent: list[int] = []
        self.taken: list[int] = []
        self.timed_out: bool | None = None
        self.stale: list[Attempt] = []
        self.running: Attempt | None = None
        self.die_after = 0
        self.status = "pending"

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)
        registry.remove(NAME)

    @initialize()
    def submit(self) -> None:
        registry.add(JobType(NAME, self.handle, max_retries=99))
        self.job_id = enqueue(NAME, {}, max_retries=99).id

    # The handler

    def handle(self, ctx: Context) -> list[Any]:
        told: list[Any] = []
        for number, step in enumerate(STEPS):
            told.append(self.come_to(ctx, number, step))
        return told

    def come_to(self, ctx: Context, number: int, step: str) -> Any:
        if step == "call":
            return ctx.task(f"call {number}", self.once, number)
        if step == "map":
            return ctx.map("map", lambda item: self.once((number, item)), range(ITEMS))
        if step == "sleep":
            return ctx.sleep(hours=1)
        try:
            payload = ctx.wait_for("told", timeout=3600 if step == "timed" else None)
        except EventTimeout:
            assert step == "timed"
            assert self.timed_out is not False
            self.timed_out = True
            return "timed out"
        return self.take(number, payload["n"])

    def once(self, key: Any) -> Any:
        """Do a task's work; what is finished never comes here again."""
        assert key not in self.finished, f"{key} ran again"
        if self.die_after == 1:
            raise Crash
        self.die_after -= 1
        self.finished.add(key)
        return str(key)

    def take(self, number: int, n: int) -> int:
        key = ("event", number)
        if key in self.results:
            assert self.results[key] == n
            return n
        # First in, first out; each once.
        assert n == self.sent[len(self.taken)]
        self.taken.append(n)
        self.results[key] = n
        if STEPS[number] == "timed":
            self.timed_out = False
        return n

    # What happens to it

    def start(self) -> Attempt | None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.job_id::text, s.lock_token, s.job_type, s.queue, s.priority, s.payload::text, s.attempt,"
                " s.retry_count, s.max_retries, s.timeout, 0::float8 FROM start_jobs(ARRAY(SELECT id FROM job_queue"
                " WHERE id = %s AND waits_for IS NULL AND scheduled_at <= clock_timestamp())::uuid[], 'm', '1 hour') s",
                [self.job_id],
            )
            row = cursor.fetchone()
        return Attempt(*row) if row else None

    @precondition(lambda self: self.status == "pending")
    @rule(die_after=st.integers(min_value=0, max_value=6))
    def attempt(self, die_after: int) -> None:
        """Run it, perhaps until a task in which the worker dies."""
        attempt = self.start()
        if attempt is None:
            return
        self.die_after = die_after
        outcome = run(attempt, Context(attempt, lambda attempt: None))
        error = getattr(outcome, "error", None)
        if error is not None:
            assert error["error_class"] == "Crash", error
            self.rescue(attempt)
            return
        assert record([(attempt, outcome)]) == []
        self.stale.append(attempt)
        self.status = Job.objects.get(pk=self.job_id).status

    def rescue(self, attempt: Attempt) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT retry_jobs(ARRAY[%s]::uuid[], ARRAY[%s::bigint], ARRAY[0::float8], ARRAY[NULL::jsonb],"
                " ARRAY[true])",
                [attempt.id, attempt.lock_token],
            )
        self.stale.append(attempt)

    @rule()
    def send(self) -> None:
        number = len(self.sent)
        try:
            events.send(self.job_id, "told", {"n": number})
        except InvalidState:
            assert self.status == "completed"
            return
        self.sent.append(number)

    @rule()
    def send_another(self) -> None:
        if self.status == "pending":
            waited = Job.objects.get(pk=self.job_id).waits_for
            events.send(self.job_id, "other")
            assert Job.objects.get(pk=self.job_id).waits_for == waited

    @rule()
    def pass_time(self) -> None:
        """Have the open sleep or time-out be over."""
        past = ClockTimestamp() - timedelta(seconds=1)
        waits = Task.objects.filter(job=self.job_id, status="processing", wake_at__isnull=False)
        if waits.update(wake_at=past):
            Job.objects.filter(pk=self.job_id, status="pending").update(scheduled_at=past)
        release_timed_out_waits()

    @precondition(lambda self: bool(self.stale))
    @rule(which=st.integers(min_value=0))
    def zombie(self, which: int) -> None:
        """A worker that has lost the job comes back with what it has finished."""
        attempt = self.stale[which % len(self.stale)]
        before = list(Task.objects.order_by("place").values_list("place", "version", "status"))
        context = Context(attempt, lambda attempt: None)
        attempt.fenced = False
        row = context._tasks.place(99, Task.Kind.CALL, "late").row(
            "completed", payload="{}", fingerprint=None, result="1", begun_at=0.0, ended_at=0.0
        )
        with pytest.raises(LockLost):
            context._tasks.journal.write([row], durable=True)
        assert list(Task.objects.order_by("place").values_list("place", "version", "status")) == before

    # What holds at any time

    @invariant()
    def each_event_is_taken_once_and_in_order(self) -> None:
        if not hasattr(self, "job_id"):
            return
        taken = Event.objects.filter(job=self.job_id, name="told").exclude(task=None).order_by("number")
        assert [event.payload["n"] for event in taken] == self.taken
        assert len({event.task_id for event in taken}) == len(self.taken)

    @invariant()
    def nothing_waits_for_what_is_there(self) -> None:
        if not hasattr(self, "job_id"):
            return
        job = Job.objects.get(pk=self.job_id)
        if job.status == "pending" and job.waits_for == "event":
            assert len(self.taken) == len(self.sent)

    @invariant()
    def what_is_finished_is_remembered(self) -> None:
        if not hasattr(self, "job_id"):
            return
        rows = Task.objects.filter(job=self.job_id, kind__in=["call", "map"], status="completed").exclude(item=-1)
        keys = {(row.position - 1, row.item) if row.kind == "map" else row.position - 1 for row in rows}
        assert keys == self.finished
        assert self.status != "completed" or len(keys) == 2 + ITEMS


def test_tasks_events_and_suspended_jobs_agree_with_the_model() -> None:
    run_state_machine_as_test(
        TaskMachine,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
