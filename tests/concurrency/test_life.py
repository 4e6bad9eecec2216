"""The whole life of a job against a model: any order of what workers, rescuers and people do."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from jobs import control, dead_letters
from jobs.exceptions import InvalidState
from jobs.models import DeadLetter, Job
from jobs.outcomes import Attempt, Cancelled, Completed, Released, Snoozed
from jobs.recording import record, record_progress
from tests.factories import UserFactory

FINAL = {"completed", "failed", "cancelled"}


@dataclass
class Life:
    """What a job should be."""

    max_retries: int
    status: str = "pending"
    attempt: int = 0
    retries: int = 0
    token: int | None = None
    expired: bool = False
    wanted: bool = False
    deleted: bool = False
    letters: int = 0
    version: int = 0

    def end_attempt(self, status: str) -> None:
        self.status, self.token, self.expired = status, None, False

    def try_again(self, charged: bool) -> None:
        self.retries += charged
        self.end_attempt("cancelled" if self.wanted else "pending")

    def give_up(self) -> None:
        self.letters += not self.wanted
        self.end_attempt("cancelled" if self.wanted else "dead_letter")

    def fail(self, retryable: bool = True) -> None:
        if retryable and self.retries < self.max_retries:
            self.try_again(charged=True)
        else:
            self.give_up()

    def begin_anew(self) -> None:
        self.status, self.retries, self.wanted = "pending", 0, False


@dataclass
class Held:
    """A claim as its worker remembers it, whether it still holds or not."""

    job: str
    token: int
    number: int
    spent: bool = field(default=False)

    @property
    def attempt(self) -> Attempt:
        return Attempt(self.job, self.token, "proof_life", "default", 5, "{}", self.number, 0, 0, None, 0.0)


class JobLife(RuleBasedStateMachine):
    claims = Bundle("claims")
    jobs = Bundle("jobs")

    connections: list[psycopg.Connection[Any]]

    @initialize()
    def begin(self) -> None:
        self.lives: dict[str, Life] = {}
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE job_queue, job_processing_locks, job_dead_letter_groups, job_audit_log CASCADE")
        self.actor = User.objects.filter(user_id="life").first() or UserFactory(user_id="life")

    def sql(self, who: int, statement: str, *arguments: Any) -> list[Any]:
        return self.connections[who].execute(statement, arguments).fetchall()

    # What clients do

    @rule(target=jobs, retries=st.integers(0, 2))
    def enqueue(self, retries: int) -> str:
        ((job,),) = self.sql(0, "SELECT enqueue_job('proof_life', p_max_retries => %s)::text", retries)
        self.lives[job] = Life(retries)
        return job

    # What workers do

    @rule(target=claims, worker=st.integers(0, 2))
    def claim(self, worker: int) -> Held:
        rows = self.sql(
            worker,
            "SELECT job_id::text, lock_token, attempt FROM acquire_job_lock(%s, ARRAY['proof_life'])",
            str(worker),
        )
        # What was deleted by its owner while it waited was cancelled too: nothing pending is hidden from workers.
        pending = {job for job, life in self.lives.items() if life.status == "pending"}
        assert len(rows) == min(1, len(pending))
        if not rows:
            return Held("00000000-0000-0000-0000-000000000000", 0, 0)
        ((job, token, number),) = rows
        assert job in pending
        life = self.lives[job]
        life.status, life.token, life.expired = "processing", token, False
        life.attempt += 1
        assert number == life.attempt
        return Held(job, token, number)

    def holds(self, held: Held) -> Life | None:
        life = self.lives.get(held.job)
        return life if life and life.status == "processing" and life.token == held.token else None

    def judge(self, held: Held, lost: list[Attempt]) -> Life | None:
        life = self.holds(held)
        assert bool(lost) == (life is None)
        return life

    @rule(held=claims, worker=st.integers(0, 2))
    def complete(self, held: Held, worker: int) -> None:
        ((done,),) = self.sql(worker, "SELECT complete_job(%s, %s, '1')", held.job, held.token)
        assert done == (self.holds(held) is not None)
        if life := self.holds(held):
            life.end_attempt("completed")

    @rule(held=claims, worker=st.integers(0, 2), retryable=st.booleans())
    def fail(self, held: Held, worker: int, retryable: bool) -> None:
        ((status,),) = self.sql(
            worker, "SELECT fail_job(%s, %s, 'E', 'it broke', '{}', %s, interval '0')", held.job, held.token, retryable
        )
        life = self.holds(held)
        assert (status is None) == (life is None)
        if life:
            life.fail(retryable)
            assert status == life.status

    @rule(held=claims)
    def record_completed(self, held: Held) -> None:
        if life := self.judge(held, record([(held.attempt, Completed('"done"'))])):
            life.end_attempt("completed")

    @rule(held=claims)
    def snooze(self, held: Held) -> None:
        if life := self.judge(held, record([(held.attempt, Snoozed(0.0))])):
            life.try_again(charged=False)

    @rule(held=claims)
    def heed_cancel(self, held: Held) -> None:
        if life := self.judge(held, record([(held.attempt, Cancelled())])):
            life.wanted = True
            life.end_attempt("cancelled")

    @rule(held=claims)
    def give_back(self, held: Held) -> None:
        if life := self.judge(held, record([(held.attempt, Released())])):
            life.attempt -= 1
            life.try_again(charged=False)

    @rule(first=claims, second=claims)
    def record_together(self, first: Held, second: Held) -> None:
        if first.token == second.token:
            return
        lost = {
            attempt.lock_token for attempt in record([(first.attempt, Completed(None)), (second.attempt, Snoozed(0.0))])
        }
        # One job under an old and a new token is one row: only the new one may count.
        for held, status in ((first, "completed"), (second, None)):
            life = self.holds(held)
            if held.job != (second if held is first else first).job:
                assert (held.token in lost) == (life is None)
            if life and status:
                life.end_attempt(status)
            elif life:
                life.try_again(charged=False)

    @rule(held=claims, worker=st.integers(0, 2))
    def renew(self, held: Held, worker: int) -> None:
        ((kept,),) = self.sql(worker, "SELECT renew_job_lock(%s, %s, '1 hour')", held.job, held.token)
        life = self.holds(held)
        assert kept == (life is not None)
        if life:
            life.expired = False

    @rule(held=claims, percent=st.integers(0, 99))
    def progress(self, held: Held, percent: int) -> None:
        lost = record_progress([(held.attempt, (percent, "on the way"))])
        if self.judge(held, lost):
            assert Job.objects.get(pk=held.job).progress == percent

    # What time and rescuers do

    @rule(held=claims)
    def expire(self, held: Held) -> None:
        self.sql(
            0,
            "UPDATE job_processing_locks SET expires_at = now() - interval '1 s' WHERE job_id = %s RETURNING 1",
            held.job,
        )
        life = self.lives.get(held.job)
        if life and life.status == "processing" and life.token:
            life.expired = True

    @rule(held=claims)
    def lose_the_lock_row(self, held: Held) -> None:
        life = self.lives.get(held.job)
        if life and life.status == "processing":
            self.sql(0, "DELETE FROM job_processing_locks WHERE job_id = %s RETURNING 1", held.job)
            Job.objects.filter(pk=held.job).update(
                started_at=Job.objects.get(pk=held.job).started_at - timedelta(minutes=1)
            )
            life.token, life.expired = None, True

    @rule(who=st.integers(0, 2))
    def rescue(self, who: int) -> None:
        lost = [life for life in self.lives.values() if life.status == "processing" and life.expired]
        ((count,),) = self.sql(who, "SELECT cleanup_expired_locks()")
        assert count == len(lost)
        for life in lost:
            life.fail()
        Job.objects.filter(status="pending").update(scheduled_at="2020-01-01T00:00:00Z")

    # What people do

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        life = self.lives[job]
        if life.deleted:
            return
        allowed = life.status in {"pending", "processing", "cancelled"}
        self.act(lambda: control.cancel(job, self.actor), allowed)
        if life.status in {"pending", "processing"}:
            life.wanted = True
        if life.status == "pending":
            life.status = "cancelled"

    @rule(job=jobs)
    def retry(self, job: str) -> None:
        life = self.lives[job]
        if life.deleted:
            return
        allowed = life.status in {"pending", "failed", "cancelled"}
        self.act(lambda: control.retry(job, self.actor), allowed)
        if allowed and life.status != "pending":
            life.begin_anew()

    @rule(job=jobs)
    def soft_delete(self, job: str) -> None:
        life = self.lives[job]
        if life.deleted:
            return
        allowed = life.status in FINAL | {"pending"}
        self.act(lambda: control.soft_delete(job, self.actor), allowed)
        if allowed:
            life.deleted = True
        if life.status == "pending":
            life.status, life.wanted = "cancelled", True

    @precondition(lambda self: any(life.letters for life in self.lives.values()))
    @rule(job=jobs, act=st.sampled_from(["redrive", "discard", "resolve"]))
    def settle_letter(self, job: str, act: str) -> None:
        life = self.lives[job]
        letter = DeadLetter.objects.filter(original_job=job).order_by("-id").first()
        assert (letter is None) == (life.letters == 0)
        if letter is None:
            return
        allowed = life.status == "dead_letter"
        self.act(lambda: getattr(dead_letters, act)(letter.pk, self.actor), allowed)
        if allowed and act == "redrive":
            life.begin_anew()
        elif allowed:
            life.status = {"discard": "failed", "resolve": "completed"}[act]

    def act(self, what: Any, allowed: bool) -> None:
        if allowed:
            what()
            return
        with pytest.raises(InvalidState):
            what()

    # What must hold after every step

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        rows = self.sql(
            1,
            "SELECT j.id::text, j.status, j.attempt, j.retry_count, j.is_deleted, j.version, l.lock_token,"
            " (SELECT count(*) FROM job_dead_letter_queue d WHERE d.original_job_id = j.id),"
            " (SELECT count(*) FROM job_dead_letter_queue d WHERE d.original_job_id = j.id AND resolution_status = 'open')"  # noqa: E501
            " FROM job_queue j LEFT JOIN job_processing_locks l ON l.job_id = j.id",
        )
        assert {row[0] for row in rows} == set(self.lives)
        for job, status, attempt, retries, deleted, version, token, letters, open_ in rows:
            life = self.lives[job]
            assert (status, attempt, retries, deleted, token, letters) == (
                life.status, life.attempt, life.retries, life.deleted, life.token, life.letters,
            )  # fmt: skip
            assert open_ == (status == "dead_letter")
            assert version >= life.version
            life.version = version

    @invariant()
    def groups_count_what_is_there(self) -> None:
        ((opened, total),) = self.sql(
            2,
            "SELECT coalesce(sum(open_count), 0)::int, coalesce(sum(total_count), 0)::int FROM job_dead_letter_groups",
        )
        assert total == sum(life.letters for life in self.lives.values())
        assert opened == sum(life.status == "dead_letter" for life in self.lives.values())


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(180)
def test_no_order_of_acts_breaks_the_life_of_a_job(connect):
    JobLife.connections = [connect(row_factory=psycopg.rows.tuple_row) for _ in range(3)]
    run_state_machine_as_test(
        JobLife,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
