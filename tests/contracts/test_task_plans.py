"""However many tasks and events other jobs have, a job's own are found by their indexes."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from jobs import events
from jobs.models import Job, Task
from jobs.outcomes import Attempt
from jobs.tasks.forgetting import forget_time_out
from jobs.tasks.journal import Journal
from jobs.tasks.place import Kind, Place
from jobs.worker.waits import release_timed_out_waits
from tests.contracts.plans import nested_plans, plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

_JOBS = """INSERT INTO job_queue (id, job_type, status, started_at, waits_for, scheduled_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'type', CASE WHEN n % 4 = 0 THEN 'processing' ELSE 'pending' END,
       CASE WHEN n % 4 = 0 THEN now() END, CASE WHEN n % 4 > 1 THEN 'event' END,
       now() + (n - 10) * interval '1 minute' FROM generate_series(1, 400) n"""
_LOCKS = """INSERT INTO job_processing_locks (job_id, worker_id, lock_token, expires_at)
SELECT id, 'plans', 7, now() + interval '1 hour' FROM job_queue WHERE status = 'processing'"""
# Sixty tasks of each job; every tenth is a wait, of which the last is open.
_TASKS = """INSERT INTO job_tasks (job_id, position, name, kind, status)
SELECT lpad(to_hex(1 + n / 60), 32, '0')::uuid, 1 + n % 60, 'name' || n % 60,
       CASE WHEN n % 10 = 9 THEN 'event' ELSE 'call' END, CASE WHEN n % 60 = 59 THEN 'processing' ELSE 'completed' END
FROM generate_series(0, 400 * 60 - 1) n"""
_EVENTS = """INSERT INTO job_events (job_id, name, task_id)
SELECT t.job_id, 'name' || n, t.id FROM job_tasks t CROSS JOIN generate_series(1, 5) n
WHERE t.kind = 'event' AND t.status = 'completed' UNION ALL
SELECT id, 'other' || n, NULL FROM job_queue CROSS JOIN generate_series(1, 5) n"""

WAITING = UUID(int=398)
RUNNING = UUID(int=400)


@pytest.fixture(scope="module", params=[True, False], ids=["analyzed", "statistics-of-empty-tables"])
def laid(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[bool]:
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        analyze = "ANALYZE job_queue, job_processing_locks, job_tasks, job_events"
        cursor.execute(analyze)
        for sql in (_JOBS, _LOCKS, _TASKS, _EVENTS):
            cursor.execute(sql)
        if request.param:
            cursor.execute(analyze)
        yield bool(request.param)
        transaction.set_rollback(True)


@pytest.fixture
def many(laid: bool, monkeypatch: pytest.MonkeyPatch) -> bool:
    # Statements are explained in a transaction, whose end takes them back.
    monkeypatch.setattr("jobs.tasks.journal.refuse_transaction", lambda: None)
    return laid


def journal() -> Journal:
    return Journal(Attempt(str(RUNNING), 7, "type", "default", 5, "{}", 1, 0, 3, None, 0.0))


def used(plans: list[Any]) -> set[str]:
    """Name the indexes of tasks, events and jobs that are used; nothing is read from end to end."""
    for plan in plans:
        assert not plan.read_whole() & {"job_tasks", "job_events", "job_queue"}, plan.root
    tables = ("job_tasks", "job_events", "job_queue")
    return {name for plan in plans for table in tables for name in plan.indexes(table)}


def test_a_job_reads_its_own_tasks_in_order(many: bool) -> None:
    plans = plans_of(journal().load)
    assert used(plans) == {"task_once_per_job"}
    assert not any(plan.sorts() for plan in plans)


def test_a_page_of_tasks_begins_where_the_last_one_ended(many: bool) -> None:
    page = Task.objects.filter(job_id=RUNNING, is_deleted=False, place__gt=30 * 2**32).order_by("place")
    plans = plans_of(lambda: list(page[:51]))
    assert used(plans) == {"task_once_per_job"}
    assert not any(plan.sorts() for plan in plans)


def test_an_event_finds_the_wait_and_counts_what_is_not_taken(many: bool) -> None:
    found = used(plans_of(lambda: events.send(WAITING, "name59"))) - {"job_queue_pkey", "job_events_pkey"}
    wanted = {"event_untaken", "task_waits"}
    # A table that was never analyzed looks small by any of its indexes.
    assert found == wanted if many else found <= wanted | {"event_of_job", "task_once_per_job"}


def record() -> None:
    row = Place(61, Kind.CALL, "more", {}, False).row(
        "completed", payload="{}", fingerprint=None, begun_at=0.0, ended_at=1.0
    )
    journal().write([row], durable=True)


def suspend() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT suspend_jobs(ARRAY[%s]::uuid[], ARRAY[7], ARRAY[NULL]::float8[])", [RUNNING])


@pytest.mark.parametrize(
    ("work", "indexes"),
    [
        (record, {"task_once_per_job"}),
        (lambda: journal().look(60, "event", "name59", "{}", None, None, ""), {"task_once_per_job", "event_untaken"}),
        (suspend, {"job_queue_pkey", "task_waits", "event_untaken"}),
        (release_timed_out_waits, {"job_queue_pkey", "job_waiting"}),
    ],
    ids=["record tasks", "look at a wait", "suspend", "time-outs"],
)
def test_functions_find_their_rows(many: bool, work: Callable[[], Any], indexes: set[str]) -> None:
    found = used(nested_plans(work))
    # Single rows go by their keys, and a job has few waits: there the planner may choose.
    either = {"task_once_per_job", "task_waits", "job_tasks_pkey", "job_events_pkey"}
    if not many:
        either |= {"event_untaken", "event_of_job"}
    assert found - either == indexes - either


def test_time_outs_are_read_in_their_order(many: bool) -> None:
    looks = [plan for plan in nested_plans(release_timed_out_waits) if "job_waiting" in plan.indexes("job_queue")]
    assert looks
    assert not any(plan.sorts() for plan in looks)
    assert Job.objects.filter(waits_for="event").count() > len(release_timed_out_waits()) > 0


def test_a_restart_looks_at_the_last_task_only(many: bool) -> None:
    plans = plans_of(lambda: forget_time_out(RUNNING))
    assert used(plans) <= {"task_once_per_job", "task_waits", "job_tasks_pkey"}
