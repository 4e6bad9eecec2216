"""Jobs that depend on each other, share unique keys and limits, have tasks and wait for events, against a model.

Several connections on one thread, so that their order is chosen, shrunk and replayed: one of them may leave a
transaction open, and whoever needs what it has locked gives up after a moment and must have changed nothing.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
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

from accounts.models import User
from jobs import control, dead_letters, events
from jobs.drafts import After
from jobs.enqueue import enqueue
from jobs.exceptions import InvalidState, UniqueKeyTaken
from jobs.models import DeadLetter
from jobs.registry import JobType, registry
from jobs.releasing import release_waiting
from tests.concurrency.whole import LIMITS, SETTLED, Edge, Life, Whole
from tests.factories import UserFactory

TYPE = "proof_whole"
#: `STORM=300 make storm` goes on for longer, by chance.
STORMING = bool(os.environ.get("STORM"))

_ROWS = """
SELECT j.id::text, j.status, CASE WHEN j.status = 'pending' THEN j.waits_for END, j.retry_count, l.lock_token,
       j.version,
       (SELECT count(*) FROM job_dead_letter_queue d WHERE d.original_job_id = j.id),
       (SELECT count(*) FROM job_dead_letter_queue d WHERE d.original_job_id = j.id AND d.resolution_status = 'open'),
       (SELECT count(*) FROM job_tasks t WHERE t.job_id = j.id),
       (SELECT count(*) FROM job_events e WHERE e.job_id = j.id AND e.task_id IS NULL)
FROM job_queue j LEFT JOIN job_processing_locks l ON l.job_id = j.id
"""
_FINISH = """
SELECT record_tasks(%s, %s, true, ARRAY[%s], ARRAY[0], '{call}', '{step}', '{completed}', ARRAY['{}'::jsonb],
                    '{1}', '{1}', ARRAY['1'::jsonb], ARRAY[NULL::text], ARRAY[NULL::text], '{0}', '{0}')
"""
_LOOK = "SELECT status FROM look_at_wait(%s, %s, %s, 'event', 'go', '{}', NULL, NULL, 'too late')"
_ENDS = {
    "complete": "SELECT complete_jobs(ARRAY[%s::uuid], ARRAY[%s], ARRAY[NULL::jsonb])",
    "fail": "SELECT retry_or_give_up FROM (SELECT fail_job(%s, %s, 'E', 'it broke', '{}', true, interval '0')"
    " AS retry_or_give_up) AS told WHERE retry_or_give_up IS NOT NULL",
    "release": "SELECT release_jobs(ARRAY[%s::uuid], ARRAY[%s])",
    "suspend": "SELECT suspend_jobs(ARRAY[%s::uuid], ARRAY[%s], ARRAY[NULL::float8])",
}


def step(ctx: Any) -> None:
    """Stand for a handler; nobody calls it."""


#: Which job or claim, counted from the latest: most of what happens, happens to young ones.
LATEST = st.integers(0, 9) | st.integers(0, 2)
some_job = precondition(lambda self: self.whole.lives)
some_claim = precondition(lambda self: self.claims)


@dataclass(frozen=True)
class Held:
    """A claim as its worker remembers it, whether it still holds or not."""

    job: str
    token: int


class WholeLife(RuleBasedStateMachine):
    connections: list[psycopg.Connection[Any]]
    holder: psycopg.Connection[Any]

    @initialize()
    def begin(self) -> None:
        self.whole = Whole()
        self.claims: list[Held] = []
        #: What the open transaction does to the model when it commits, and to which job.
        self.uncommitted: Callable[[], None] | None = None
        self.busy: str | None = None
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE job_queue, job_processing_locks, job_dead_letter_groups, job_audit_log, job_tasks,"
                " job_events, job_dependencies, job_release_checks, job_lane_turns CASCADE"
            )
            cursor.execute("SET lock_timeout = '30ms'")
        self.actor = User.objects.filter(user_id="whole").first() or UserFactory(user_id="whole")

    def teardown(self) -> None:
        self.holder.rollback()

    def attempt(self, act: Callable[[], Any]) -> tuple[bool, Any]:
        """Do it unless somebody is in the way; tells whether it was done."""
        try:
            return True, act()
        except (OperationalError, psycopg.errors.LockNotAvailable) as error:
            assert isinstance(error.__cause__ or error, psycopg.errors.LockNotAvailable)
            assert self.busy is not None, "nobody can have been in the way"
            return False, None

    def sql(self, who: int, statement: str, *arguments: Any) -> tuple[bool, list[Any]]:
        return self.attempt(lambda: self.connections[who].execute(statement, arguments).fetchall())

    def job(self, number: int) -> str:
        jobs = list(self.whole.lives)
        return jobs[-1 - number % len(jobs)]

    def held(self, number: int) -> Held:
        return self.claims[-1 - number % len(self.claims)]

    def holds(self, held: Held) -> bool:
        life = self.whole.lives.get(held.job)
        return life is not None and life.status == "processing" and life.token == held.token

    # What clients do

    @rule(
        retries=st.sampled_from([0, 0, 1]),
        key=st.sampled_from([None, None, *LIMITS]),
        unique=st.sampled_from([None, None, "a", "b"]),
        numbers=st.just([]) | st.lists(LATEST, min_size=1, max_size=2),
        condition=st.sampled_from(["completed", "completed", "ended", "failed"]),
    )
    def submit(self, retries: int, key: str | None, unique: str | None, numbers: list[int], condition: str) -> None:
        chosen: dict[str, Any] = {"max_retries": retries}
        if key:
            chosen |= {"concurrency_key": key, "concurrency_limit": LIMITS[key]}
        if unique:
            chosen["unique_key"] = unique
        others = sorted({self.job(number) for number in numbers}) if self.whole.lives else []
        if others:
            chosen["depends_on"] = [After(job, condition) for job in others]
        done, new = self.attempt(lambda: enqueue(TYPE, {}, **chosen))
        if not done:
            return
        taken = self.whole.holder(unique)
        assert (new.created, str(new.id) if taken else None) == (taken is None, taken)
        if taken is None:
            edges = [Edge(job, condition, "open") for job in others]
            self.whole.add(str(new.id), Life(retries, key, unique, edges))

    @some_job
    @rule(number=LATEST)
    def send_event(self, number: int) -> None:
        job = self.job(number)
        life = self.whole.lives[job]
        done, _ = self.attempt(lambda: self.unless(life.status in SETTLED, lambda: events.send(job, "go")))
        if done and life.status not in SETTLED:
            life.events += 1
            if life.waits == "event":
                life.waits = None

    # What workers do

    @some_job
    @rule(worker=st.integers(0, 1), most=st.integers(1, 3))
    def claim(self, worker: int, most: int) -> None:
        wanted = self.whole.startable()
        done, rows = self.sql(
            worker,
            "SELECT job_id::text, lock_token FROM acquire_job_lock(%s::text, %s::text[], '1 hour', %s::integer)",
            *(str(worker), [TYPE], most),
        )
        if not done:
            return
        assert len(rows) <= most
        assert bool(rows) == bool(wanted), "whoever claims gets something if there is something"
        for job, token in rows:
            life = self.whole.lives[job]
            assert job in wanted
            life.status, life.token, life.expired = "processing", token, False
            self.claims.append(Held(job, token))
        for key, most_running in LIMITS.items():
            assert self.whole.running(key) <= most_running

    @some_claim
    @rule(number=LATEST, worker=st.integers(0, 1), how=st.sampled_from([*sorted(_ENDS), "fail", "complete"]))
    def end(self, number: int, worker: int, how: str) -> None:
        held = self.held(number)
        done, rows = self.sql(worker, _ENDS[how], held.job, held.token)
        if done:
            assert bool(rows) == self.holds(held)
            if rows:
                self.ended(held.job, how)

    def ended(self, job: str, how: str, told: list[Edge] | None = None) -> None:
        if how == "complete":
            self.whole.move(job, "completed", told)
        elif how == "fail":
            self.whole.fail(job, told)
        elif how == "suspend":
            self.whole.suspend(job, told)
        else:
            self.whole.put_back(job, charged=False, told=told)

    @some_claim
    @rule(number=LATEST, worker=st.integers(0, 1), position=st.integers(1, 3))
    def finish_task(self, number: int, worker: int, position: int) -> None:
        held = self.held(number)
        done, rows = self.sql(worker, _FINISH, held.job, held.token, position)
        if done:
            assert rows == [(self.holds(held),)]
            if self.holds(held):
                self.whole.lives[held.job].calls.add(position)

    @some_claim
    @rule(number=LATEST, worker=st.integers(0, 1))
    def wait_for_event(self, number: int, worker: int) -> None:
        held = self.held(number)
        life = self.whole.lives[held.job]
        done, rows = self.sql(worker, _LOOK, held.job, held.token, 10 + life.taken)
        if done:
            assert bool(rows) == self.holds(held)
            if rows:
                over = life.events > 0
                assert rows == [("completed" if over else "processing",)]
                life.open_wait = not over
                life.events -= over
                life.taken += over

    @some_claim
    @rule(number=LATEST, worker=st.integers(0, 1))
    def renew(self, number: int, worker: int) -> None:
        held = self.held(number)
        done, rows = self.sql(worker, "SELECT renew_job_lock(%s, %s, '1 hour')", held.job, held.token)
        if done:
            assert rows == [(self.holds(held),)]
            if self.holds(held):
                self.whole.lives[held.job].expired = False

    # An outcome whose transaction stays open for a while

    @precondition(lambda self: self.busy is None and any(map(self.holds, self.claims)))
    @rule(number=LATEST, how=st.sampled_from(["complete", "fail", "suspend"]))
    def end_slowly(self, number: int, how: str) -> None:
        live = list(filter(self.holds, self.claims))
        held = live[-1 - number % len(live)]
        assert self.holder.execute(_ENDS[how], [held.job, held.token]).fetchall()
        told = self.whole.edges_on(held.job) if self.whole.lives[held.job].followed else []
        self.busy, self.uncommitted = held.job, lambda: self.ended(held.job, how, told)

    @precondition(lambda self: self.busy is not None)
    @rule(commits=st.booleans())
    def let_go(self, commits: bool) -> None:
        assert self.uncommitted is not None
        if commits:
            self.holder.commit()
            self.uncommitted()
        else:
            self.holder.rollback()
        self.busy = self.uncommitted = None

    # What time and rescuers do

    @some_claim
    @rule(number=LATEST)
    def expire(self, number: int) -> None:
        held = self.held(number)
        if self.holds(held):
            statement = (
                "UPDATE job_processing_locks SET expires_at = now() - interval '1 s' WHERE job_id = %s RETURNING 1"
            )
            done, _ = self.sql(0, statement, held.job)
            self.whole.lives[held.job].expired |= done

    @precondition(lambda self: any(life.expired for life in self.whole.lives.values()))
    @rule(who=st.integers(0, 1))
    def rescue(self, who: int) -> None:
        lost = [job for job, life in self.whole.lives.items() if life.expired and job != self.busy]
        done, rows = self.sql(who, "SELECT cleanup_expired_locks()")
        if done:
            assert rows == [(len(lost),)]
            for job in lost:
                self.whole.fail(job)
            # Back-off is over before anybody looks again.
            self.sql(
                who,
                "UPDATE job_queue SET scheduled_at = now() WHERE status = 'pending' AND waits_for IS NULL"
                " AND scheduled_at > now() RETURNING 1",
            )

    # Not beside an open outcome: whom it locks would be asked about again later, and the model does not know whom.
    @precondition(lambda self: self.busy is None and any(life.waits == "jobs" for life in self.whole.lives.values()))
    @rule()
    def release(self) -> None:
        release_waiting()
        self.whole.release()

    # What people do

    @some_job
    @rule(number=LATEST)
    def cancel(self, number: int) -> None:
        job = self.job(number)
        life = self.whole.lives[job]
        refused = life.status in SETTLED - {"cancelled"}
        done, _ = self.attempt(lambda: self.unless(refused, lambda: control.cancel(job, self.actor)))
        if done and life.status in {"pending", "processing"}:
            life.wanted = True
            if life.status == "pending":
                self.whole.move(job, "cancelled")

    @precondition(lambda self: any(life.letters for life in self.whole.lives.values()))
    @rule(number=LATEST, act=st.sampled_from(["redrive", "redrive", "discard", "resolve"]))
    def settle_letter(self, number: int, act: str) -> None:
        dead = [job for job, life in self.whole.lives.items() if life.letters]
        job = dead[-1 - number % len(dead)]
        letter = DeadLetter.objects.filter(original_job=job).order_by("-id").first()
        assert letter is not None
        life = self.whole.lives[job]
        taken = act == "redrive" and self.whole.holder(life.unique, besides=job) is not None
        done, _ = self.attempt(
            lambda: self.unless(
                life.status != "dead_letter" or taken, lambda: getattr(dead_letters, act)(letter.pk, self.actor)
            )
        )
        if done and life.status == "dead_letter" and not taken:
            if act == "redrive":
                life.retries, life.wanted = 0, False
            self.whole.move(job, {"redrive": "pending", "discard": "failed", "resolve": "completed"}[act])

    def unless(self, refused: bool, act: Callable[[], Any]) -> None:
        if not refused:
            act()
            return
        with pytest.raises((InvalidState, UniqueKeyTaken)):
            act()

    # What must hold after every step

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        rows = self.connections[0].execute(_ROWS).fetchall()
        # Nothing is lost and nothing comes from nowhere; each has the one status that the model says.
        assert {row[0] for row in rows} == set(self.whole.lives)
        for job, status, waits, retries, token, version, letters, open_, tasks, untaken in rows:
            life = self.whole.lives[job]
            assert (status, waits, retries, token, letters, tasks, untaken) == (
                life.status, life.waits, life.retries, life.token, life.letters, life.tasks(), life.events,
            )  # fmt: skip
            assert open_ == (status == "dead_letter")
            assert version >= life.version
            life.version = version


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(3_600 if STORMING else 300)
def test_no_order_of_acts_breaks_what_jobs_are_to_each_other(connect):
    registry.add(JobType(TYPE, step))
    try:
        options = {"row_factory": psycopg.rows.tuple_row}
        WholeLife.connections = [connect(**options) for _ in range(2)]
        for each in WholeLife.connections:
            each.execute("SET lock_timeout = '30ms'")
        WholeLife.holder = connect(**options, autocommit=False)
        run_state_machine_as_test(
            WholeLife,
            settings=settings(
                max_examples=1_000 if STORMING else 30,
                stateful_step_count=40,
                deadline=None,
                derandomize=not STORMING,
                # Steps that wait for locks are dear to repeat; who has the time shrinks what the storm found.
                phases=[Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if STORMING else [])],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        registry.remove(TYPE)
        connection.close()
