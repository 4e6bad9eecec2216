"""What more workers could begin, and what KEDA is told of it by the documents' own SQL."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs import queues
from jobs.backlog import Backlog, look_at_backlog
from jobs.models import Queue
from jobs.worker.claiming import Claimer
from jobs.worker.options import WorkerOptions
from tests.database_roles import working_as
from tests.jobs.rows import finish, new_job, start
from tests.markdown import blocks

pytestmark = pytest.mark.django_db


def backlog(*names: str, **narrowed: list[str]) -> dict[str, Backlog]:
    return {one.queue: one for one in look_at_backlog(names or None, **narrowed)}


def due(queue: str = "a") -> tuple[int, int, int]:
    """Give due and running jobs, and the whole minutes that the oldest has waited."""
    found = backlog(queue)[queue]
    return found.due, found.running, int(found.age_seconds // 60)


def ago(minutes: float) -> dict[str, object]:
    return {"queue": "a", "scheduled_at": timezone.now() - timedelta(minutes=minutes)}


def test_nothing_yet():
    assert look_at_backlog() == []
    assert look_at_backlog(["a"]) == [Backlog("a", 0.0, 0, 0)]


def test_what_is_due_and_what_runs_in_all_priorities(note):
    note.enqueue(priority=9, **ago(1))
    note.enqueue(priority=1, **ago(30))
    note.enqueue(priority=5, **ago(10))
    note.enqueue(queue="a", delay=600)
    start(note.enqueue(queue="a").fetch())
    finish(note.enqueue(queue="history").fetch())
    assert due() == (3, 1, 30)
    assert backlog().keys() == {"a"}


def test_only_jobs_that_these_workers_can_do(note, register):
    other = register("other", lambda ctx: None)
    note.enqueue(**ago(5))
    other.enqueue(**ago(9))
    other.enqueue(queue="b")
    start(other.enqueue(queue="b").fetch())
    found = backlog(job_types=["note"])
    assert (found["a"].due, int(found["a"].age_seconds // 60), found["b"].due) == (1, 5, 0)
    assert backlog("b", job_types=["other"])["b"].running == 1


def test_queues_of_other_languages_only_by_name():
    new_job(queue="lang.js")
    assert backlog() == {}
    assert backlog("lang.js")["lang.js"].due == 1


def test_a_paused_queue_has_none_however_old(note):
    note.enqueue(**ago(60))
    start(note.enqueue(queue="a").fetch())
    Queue.objects.create(name="a", paused=True)
    assert due() == (0, 1, 0)


def test_what_a_queues_limit_holds_back_does_not_count(note, actor):
    for _ in range(5):
        note.enqueue(**ago(60))
    queues.configure("a", actor, concurrency_limit=3)
    assert due() == (3, 0, 60)
    claimer = Claimer(WorkerOptions(worker_id="w", queues=("a",)))
    assert len(claimer.claim(2)) == 2
    assert due() == (1, 2, 60)
    assert len(claimer.claim(2)) == 1
    assert due() == (0, 3, 0)


def test_nor_what_has_to_wait_for_its_rate(note, actor):
    for _ in range(5):
        note.enqueue(**ago(60))
    queues.configure("a", actor, rate_limit="4/h")
    assert due() == (4, 0, 60)
    Claimer(WorkerOptions(worker_id="w", queues=("a",))).claim(3)
    assert due() == (1, 3, 60)


def test_a_blocked_key_leaves_the_others(note):
    for minutes in (50, 40):
        note.using(concurrency_key="one", **ago(minutes)).enqueue()
    note.using(concurrency_key="two", concurrency_limit=2, **ago(20)).enqueue()
    assert due() == (2, 0, 50)
    claimed = Claimer(WorkerOptions(worker_id="w", queues=("a",))).claim(1)
    assert claimed[0].concurrency_key == "one"
    assert due() == (1, 1, 20)


def test_a_key_with_a_rate_used_up(note):
    for _ in range(3):
        note.using(concurrency_key="k", concurrency_limit=9, rate_limit="1/h", **ago(9)).enqueue()
    assert due() == (1, 0, 9)
    Claimer(WorkerOptions(worker_id="w", queues=("a",))).claim(3)
    assert due() == (0, 1, 0)


def test_users_of_a_fair_queue_count_each(note, actor):
    queues.configure("a", actor, fair=True)
    for user in (actor, None):
        note.using(user=user, **ago(7)).enqueue()
    assert due() == (2, 0, 7)


def test_long_queues_are_counted_up_to_a_number(note):
    note.enqueue_many([{}] * 8, queue="a")
    with connection.cursor() as cursor:
        cursor.execute("SELECT due FROM queue_backlog(p_most => 5)")
        assert cursor.fetchone() == (5,)


def asked_by_keda() -> list[str]:
    """Take the queries out of the documents."""
    found = [block for block in blocks("docs/scaling.md") if block.language in {"sql", "yaml"}]
    texts = [block.text for block in found]
    in_yaml = [line.split('"')[1] for text in texts for line in text.splitlines() if line.strip().startswith("query:")]
    return [*in_yaml, *(text.strip() for text in texts if text.startswith("SELECT"))]


def test_the_documents_queries_give_the_right_numbers_to_those_who_only_read(database_roles, note):
    note.enqueue_many([{}] * 4, queue="mail")
    note.enqueue(**ago(2))
    start(note.enqueue(queue="mail").fetch())
    note.enqueue(queue="closed")
    Queue.objects.create(name="closed", paused=True)
    numbers = []
    with working_as("ekiden_readonly"), connection.cursor() as cursor:
        for query in asked_by_keda():
            cursor.execute(query)
            ((number,),) = cursor.fetchall()
            numbers.append(number)
    assert numbers[:2] == [6, 5]
    assert 120 <= numbers[2] < 180 and len(numbers) == 3
