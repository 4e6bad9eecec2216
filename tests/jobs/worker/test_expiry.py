from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs.models import Job, RateWindow
from jobs.worker import expiry
from jobs.worker.maintenance import Maintenance
from jobs.worker.options import WorkerOptions

pytestmark = pytest.mark.django_db
PAST = timezone.now() - timedelta(minutes=1)


def statuses(*submitted):
    found = dict(Job.objects.values_list("id", "status"))
    return [found[each.id] for each in submitted]


def test_what_has_not_started_in_time_is_cancelled_though_nobody_claims_it(note):
    late = [note.enqueue(expires_at=PAST) for _ in range(3)]
    keyed = note.enqueue(expires_at=PAST, concurrency_key="k", queue="unclaimed")
    scheduled = note.enqueue(expires_at=timedelta(milliseconds=1), delay=3600)
    others = [note.enqueue(), note.enqueue(expires_at=timedelta(hours=1))]
    retried = note.enqueue(expires_at=PAST)
    Job.objects.filter(pk=retried.id).update(attempt=1)
    Maintenance(WorkerOptions()).round(prune=True)
    assert statuses(*late, keyed, scheduled) == ["cancelled"] * 5
    assert statuses(*others, retried) == ["pending"] * 3
    assert late[0].fetch().error_message.startswith("It expired")


def test_a_waiting_job_expires_and_its_followers_are_told(note):
    first = note.enqueue(delay=3600)
    waiting = note.enqueue(depends_on=[first], expires_at=PAST)
    follower = note.enqueue(depends_on=[waiting])
    assert expiry.cancel_expired() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM release_waiting_jobs()")
    assert statuses(first, waiting, follower) == ["pending", "cancelled", "cancelled"]


def test_a_long_backlog_is_cancelled_in_batches(note, monkeypatch):
    monkeypatch.setattr(expiry, "AT_ONCE", 10)
    monkeypatch.setattr(expiry, "MOST_BATCHES", 2)
    note.enqueue_many([{}] * 25, expires_at=PAST)
    assert (expiry.cancel_expired(), expiry.cancel_expired(), expiry.cancel_expired()) == (20, 5, 0)


def test_old_windows_are_forgotten_and_no_others():
    for key, seconds, age in (("old", 60, 300), ("new", 60, 30), ("long", 86_400, 3600)):
        RateWindow.objects.create(
            key=key, seconds=seconds, slot=1, counts=[0] * 61, touched_at=timezone.now() - timedelta(seconds=age)
        )
    expiry.forget_rate_windows()
    assert sorted(RateWindow.objects.values_list("key", flat=True)) == ["long", "new"]
