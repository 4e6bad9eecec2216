"""What the supervisor's thread reads, and what it leaves behind in its row."""

import logging
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from jobs.models import Supervisor, Worker
from jobs.worker.maintenance import Maintenance
from jobs.worker.options import WorkerOptions
from jobs.worker.scaling import watch as module
from jobs.worker.scaling.watch import Identity, Watch
from tests.acceptance.stage import wait_until
from tests.jobs.rows import new_job, start

ME = "host:1:abcd1234"
STATUS = {"least": 1, "most": 3, "target": 2, "actual": 2, "draining": 0, "added": 1, "drained": 0, "replaced": 0}


@pytest.fixture
def status():
    return {**STATUS, "reason": "why not"}


@pytest.fixture
def watch(status):
    identity = Identity(ME, slots=5, queues=("a",), heartbeat_interval=10.0)
    return Watch(identity, interval=0.01, status=lambda: dict(status))


def worker(name: str, pid: int, **fields: object) -> Worker:
    chosen = {"hostname": "host", "concurrency": 5, "supervisor": ME, **fields}
    return Worker.objects.create(id=name, pid=pid, **chosen)


@pytest.mark.django_db
def test_it_reads_the_backlog_its_own_processes_and_what_they_hold(watch):
    old = timezone.now() - timedelta(minutes=5)
    worker("busy", 11)
    worker("idle", 12)
    worker("silent", 13, heartbeat_at=old)
    worker("over", 14, stopped_at=old)
    worker("others", 15, supervisor="")
    for holder in ("busy", "busy", "others"):
        start(new_job(queue="a"), holder)
    new_job(queue="a", scheduled_at=old)
    new_job(queue="b", scheduled_at=old - timedelta(hours=1))
    reading = watch.read()
    assert reading.held == {11: 2, 12: 0}
    assert reading.due == 1 and 300 <= reading.age < 330
    assert reading.connection_room > 0


@pytest.mark.django_db
def test_its_row_is_written_when_something_changes_and_as_workers_beat(watch, status, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    watch.write()
    first = Supervisor.objects.get(pk=ME)
    assert (first.target, first.reason, first.queues, first.stopped_at) == (2, "why not", ["a"], None)
    status["reason"] = "another thought"
    watch.write()
    assert Supervisor.objects.get(pk=ME).reason == "why not"
    status["target"] = 3
    watch.write()
    changed = Supervisor.objects.get(pk=ME)
    assert (changed.target, changed.reason) == (3, "another thought") and changed.decided_at > first.decided_at
    clock[0] += 10.0
    watch.write()
    beat = Supervisor.objects.get(pk=ME)
    assert beat.heartbeat_at > changed.heartbeat_at and beat.decided_at == changed.decided_at


@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_is_complained_of_once_and_asked_again(watch, monkeypatch, caplog):
    failures = iter([OperationalError("gone\nfor good")] * 3)
    real = watch.read
    monkeypatch.setattr(watch, "read", lambda: next(_raising(failures), None) or real())
    with caplog.at_level(logging.WARNING):
        watch.start()
        wait_until(lambda: watch.latest)
    watch.stop(10)
    assert caplog.text.count("the database does not answer, the number of processes stays: gone") == 1
    assert not watch.is_alive()
    row = Supervisor.objects.get(pk=ME)
    assert row.stopped_at is not None and row.actual == 0


def _raising(errors):
    for error in errors:
        raise error
    yield None


@pytest.mark.django_db
def test_rows_of_supervisors_go_a_day_after_their_last_word():
    long_ago = timezone.now() - timedelta(days=2)
    Supervisor.objects.create(id="killed", hostname="h", pid=1, heartbeat_at=long_ago, **STATUS)
    Supervisor.objects.create(id="alive", hostname="h", pid=2, **STATUS)
    assert Maintenance(WorkerOptions()).round()
    assert list(Supervisor.objects.values_list("pk", flat=True)) == ["alive"]
    assert [one.pk for one in Supervisor.objects.heard_of(30)] == ["alive"]
    assert connection.is_usable()
