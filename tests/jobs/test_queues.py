from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import queues
from jobs.exceptions import InvalidOption
from jobs.models import AuditEntry, Job, ProcessingLock, Queue
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


def test_jobs_in_lanes_are_counted_and_those_that_wait_for_others_apart(note):
    now = timezone.now()
    note.enqueue_many([{}] * 3, queue="a", concurrency_key="k", scheduled_at=now - timedelta(minutes=5))
    note.enqueue_many([{}] * 2, queue="a")
    first = note.enqueue(queue="elsewhere")
    note.enqueue(queue="later", depends_on=[first])
    seen = snapshot()
    assert (seen["a"].depth, seen["a"].waiting) == (5, 0)
    assert 300 <= seen["a"].oldest_age_seconds < 360
    assert (seen["later"].depth, seen["later"].waiting) == (0, 1)


def test_configuring_is_audited_and_changes_what_is_named(actor):
    queue = queues.configure("a", actor, "too many", concurrency_limit=5, rate_limit="60/m")
    assert (queue.concurrency_limit, queue.rate_limit, queue.fair) == (5, "60/m", False)
    queue = queues.configure("a", actor, rate_limit=None, fair=True)
    assert (queue.concurrency_limit, queue.rate_limit, queue.fair) == (5, None, True)
    queues.configure("a", actor, fair=True)
    entries = list(AuditEntry.objects.filter(target_id="a").order_by("id"))
    assert [(entry.action, entry.reason) for entry in entries] == [("configure", "too many"), ("configure", "")]
    assert entries[1].details == {
        "before": {"rate_limit": "60/m", "fair": False},
        "after": {"rate_limit": None, "fair": True},
    }


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        *[("concurrency_limit", value) for value in (0, -1, 1.5, "5", True)],
        *[("rate_limit", value) for value in ("", "often", "0/m", "60/w", "60", "1/40d", 60)],
        *[("fair", value) for value in (None, 1, "yes")],
        ("paused", True),
    ],
)
def test_rules_that_are_none(rule, value, actor):
    with pytest.raises(InvalidOption, match=rule):
        queues.configure("a", actor, **{rule: value})
    assert not Queue.objects.exists()


def test_jobs_that_run_already_count_against_a_new_limit(note, actor):
    start(note.enqueue(queue="a").fetch())
    start(note.enqueue(queue="b").fetch())
    queues.configure("a", actor, concurrency_limit=2)
    assert list(ProcessingLock.objects.order_by("limited_queue").values_list("limited_queue", flat=True)) == ["a", None]


def test_a_queue_made_fair_gives_new_jobs_lanes_of_their_owners(note, actor):
    queues.configure("a", actor, fair=True)
    owned, free = note.enqueue(queue="a", user=actor), note.enqueue(queue="a", concurrency_key="k")
    assert owned.fetch().lane_key == f"u:{actor.pk}"
    assert free.fetch().lane_key == "u:-/k:k"
    assert note.enqueue(queue="b", user=actor).fetch().lane_key is None
    queues.configure("a", actor, fair=False)
    assert note.enqueue(queue="a", user=actor).fetch().lane_key is None


def test_what_is_for_later_is_not_ready(note):
    note.enqueue_many([{}] * 2, queue="a")
    note.enqueue(queue="a", delay=3600)
    assert (snapshot()["a"].depth, snapshot()["a"].due, snapshot()["a"].later) == (3, 2, 1)


def test_a_pause_ends_by_itself():
    end = timezone.now() + timedelta(hours=1)
    queue = queues.pause("mail", None, "their maintenance", resume_at=end)
    assert (queue.paused, queue.paused_by, queue.resume_at) == (True, "system", end)
    assert queues.pause("mail", None, "twice").resume_at == end
    later = end + timedelta(hours=1)
    assert queues.pause("mail", None, "it takes longer", resume_at=later).resume_at == later
    assert queues.resume_due() == []
    Queue.objects.update(resume_at=timezone.now() - timedelta(seconds=1))
    Queue.objects.create(name="other", paused=True)
    assert queues.resume_due() == ["mail"]
    queue.refresh_from_db()
    assert (queue.paused, queue.resume_at, queue.paused_by, queue.paused_reason) == (False, None, "", "")
    told = list(AuditEntry.objects.order_by("id").values_list("action", "actor_name", "reason"))
    assert told == [
        ("pause", "system", "their maintenance"),
        ("pause", "system", "it takes longer"),
        ("resume", "system", "Its pause was to end now."),
    ]


def test_a_pause_cannot_end_in_the_past():
    with pytest.raises(InvalidOption, match="resume_at"):
        queues.pause("mail", None, resume_at=timezone.now() - timedelta(seconds=1))
    assert not Queue.objects.exists()


def test_all_queues_at_once(note):
    note.enqueue(queue="a")
    queues.pause("b", None, "before")
    paused = queues.pause_all(None, "the database moves")
    assert "a" in paused and "b" not in paused and note.job_type.queue in paused
    assert Queue.objects.get(pk="b").paused_reason == "before"
    assert queues.pause_all(None) == []
    assert set(queues.resume_all(None)) == {*paused, "b"}
    assert not Queue.objects.filter(paused=True).exists()
