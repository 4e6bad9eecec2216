from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import queues
from jobs.exceptions import InvalidOption
from jobs.models import AuditEntry, Job, Queue
from tests.jobs.rows import dead_letter, finish, start
from tests.jobs.states import beside

pytestmark = pytest.mark.django_db


def snapshot():
    return {one.name: one for one in queues.snapshot()}


def test_nothing_yet():
    assert queues.snapshot() == []


def test_what_waits_and_what_runs(note):
    note.enqueue_many([{}] * 3, queue="a", priority=1)
    note.enqueue_many([{}] * 2, queue="a", priority=9)
    start(note.enqueue(queue="a").fetch())
    start(note.enqueue(queue="busy").fetch())
    finish(note.enqueue(queue="history").fetch())
    dead_letter(note.enqueue(queue="history").fetch())
    Queue.objects.create(name="empty")
    seen = [(one.name, one.depth, one.processing, one.paused) for one in queues.snapshot()]
    assert seen == [("a", 5, 1, False), ("busy", 0, 1, False), ("empty", 0, 0, False)]


def test_the_age_is_that_of_the_job_due_longest(note):
    now = timezone.now()
    for priority, minutes in ((9, 1), (5, 30), (1, 10)):
        note.enqueue(queue="a", priority=priority, scheduled_at=now - timedelta(minutes=minutes))
    note.enqueue(queue="later", delay=600)
    assert 1_800 <= snapshot()["a"].oldest_age_seconds < 1_860
    assert snapshot()["later"].oldest_age_seconds == 0
    assert snapshot()["later"].depth == 1


def test_long_queues_are_counted_up_to_the_cap(note, monkeypatch):
    monkeypatch.setattr(queues, "DEPTH_CAP", 4)
    note.enqueue_many([{}] * 5, queue="long")
    note.enqueue_many([{}] * 3, queue="short")
    assert (snapshot()["long"].depth, snapshot()["long"].depth_capped) == (4, True)
    assert (snapshot()["short"].depth, snapshot()["short"].depth_capped) == (3, False)


def test_pausing_and_resuming(note, actor):
    new = note.enqueue(queue="a", priority=5)
    paused = queues.pause("a", actor, "provider is down")
    assert (paused.paused, paused.paused_reason, paused.paused_at is None) == (True, "provider is down", False)
    assert (snapshot()["a"].depth, snapshot()["a"].paused) == (1, True)
    assert not Job.objects.ready("a", 5).exists()
    resumed = queues.resume("a", actor, "up again")
    assert (resumed.paused, resumed.paused_reason, resumed.paused_at) == (False, "", None)
    assert Job.objects.ready("a", 5).get().pk == new.id
    assert [(e.actor, e.action, e.target_id, e.reason) for e in AuditEntry.objects.order_by("id")] == [
        (actor, "pause", "a", "provider is down"),
        (actor, "resume", "a", "up again"),
    ]


def test_twice_is_once(actor):
    first = queues.pause("a", actor, "one")
    again = queues.pause("a", actor, "two")
    assert (again.paused_at, again.paused_reason) == (first.paused_at, "one")
    queues.resume("a", actor)
    queues.resume("a", actor)
    assert AuditEntry.objects.count() == 2


def test_resuming_a_queue_that_has_no_row_leaves_none_behind(actor):
    assert not queues.resume("never-seen", actor).paused
    assert not Queue.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("name", ["", "a b", "..", "x" * 65])
def test_impossible_names(name, actor):
    for act in (queues.pause, queues.resume):
        with pytest.raises(InvalidOption):
            act(name, actor)
    assert not Queue.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_pause_at_once(actor):
    results = [beside(lambda: queues.pause("a", actor)) for _ in range(8)]
    assert len({result().paused_at for result in results}) == 1
    assert AuditEntry.objects.count() == 1
