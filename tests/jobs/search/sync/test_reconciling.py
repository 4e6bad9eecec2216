"""What an index has otherwise than the database is found, told apart, repaired and counted, and nothing else is."""

import random
import threading
import time
from itertools import count

import pytest
from django.db import connections
from django.db.models import F
from django.db.models.functions import Now

from accounts.uuid7 import uuid7
from jobs.models import Job, SearchIndex, SearchRejection, SearchTombstone
from jobs.search.engine.client import Engine
from jobs.search.engine.operations import Operation
from jobs.search.sync import comparing
from jobs.search.sync.changes import changes_of
from jobs.search.sync.drift import Drift
from jobs.search.sync.reconciling import NotServing, reconcile
from jobs.search.sync.sending import Change, send
from jobs.search.sync.syncing import sync_until_clean
from tests.jobs.search.sync.agreement import assert_agreement, differences
from tests.jobs.search.sync.serving import serving, switched_on  # noqa: F401 (fixtures)
from tests.jobs.search.sync.switched_on import put_in


@pytest.fixture
def server(serving):  # noqa: F811
    return serving


def sync():
    assert sync_until_clean(time.monotonic() + 60)


def write(server, changes):
    """Write to the index behind the sync's back."""
    assert send(server.engine, [server.new_index()], changes).error is None


def lose(server, jobs):
    index = server.new_index()
    results = server.engine.bulk([Operation(index, str(job.pk), 1, None) for job in jobs])
    assert all(result.done for result in results)


def make_stale(jobs):
    """Change jobs and say that they were sent."""
    changed = Job.objects.filter(pk__in=[job.pk for job in jobs])
    changed.update(progress=F("progress") + 1)
    changed.update(es_sync_version=F("version"))


def figures():
    row = SearchIndex.objects.get()
    return row.missing, row.stale, row.orphaned, row.drifting_runs


def test_nothing_is_found_where_nothing_is_wrong(server):
    put_in(25)
    sync()
    assert reconcile() == Drift(checked=25)
    assert figures() == (0, 0, 0, 0)
    assert SearchIndex.objects.get().reconciled_at is not None


def test_each_kind_of_drift_is_counted_and_repaired(server):
    jobs = put_in(25)
    sync()
    lose(server, jobs[:3])
    make_stale(jobs[3:5])
    (like,), gone = changes_of([jobs[6].pk]), uuid7()
    write(server, [Change(gone, 4, {**like.document, "id": str(gone)})])
    assert reconcile(repair=False) == Drift(missing=3, stale=2, orphaned=1, checked=25)
    assert figures() == (3, 2, 1, 1)
    assert len(differences()) == 6
    assert reconcile() == Drift(missing=3, stale=2, orphaned=1, checked=25)
    assert figures() == (3, 2, 1, 2)
    assert_agreement()
    assert reconcile() == Drift(checked=25)
    assert figures() == (0, 0, 0, 0)


def test_documents_that_are_newer_than_their_jobs_are_told(server, caplog):
    jobs = put_in(5)
    sync()
    write(server, [Change(change.id, 9, change.document) for change in changes_of([jobs[0].pk])])
    found = reconcile()
    assert (found, str(found).endswith("1 newer than their jobs")) == (Drift(newer=1, checked=5), True)
    assert "only `manage.py search reindex` helps" in caplog.text
    assert figures() == (0, 1, 0, 1)


def test_what_is_still_to_be_sent_is_no_drift(server):
    dirty, deleted, refused, _ = jobs = put_in(4)
    sync()
    Job.objects.filter(pk=dirty.pk).update(progress=1)
    Job.objects.filter(pk=deleted.pk).delete()
    assert SearchTombstone.objects.filter(job_id=deleted.pk).exists()
    lose(server, [refused])
    SearchRejection.objects.create(job_id=refused.pk, version=1, error_message="no", retry_at=Now())
    put_in(2)
    assert reconcile().total == 0
    assert len(differences()) == 4
    assert len(jobs) == 4


def test_both_sides_are_walked_to_their_ends(server, monkeypatch):
    monkeypatch.setattr(comparing, "AT_ONCE", 4)
    chance = random.Random(22)
    ids = sorted(uuid7() for _ in range(60))
    sides = {job: chance.choice(["both", "both", "database", "index"]) for job in ids}
    # Long stretches that only one side has, at the ends as well.
    sides |= dict.fromkeys(ids[:9], "index") | dict.fromkeys(ids[20:31], "database") | dict.fromkeys(ids[-9:], "index")
    Job.objects.bulk_create([Job(id=job, job_type="note") for job in ids if sides[job] != "index"])
    Job.objects.update(es_sync_version=F("version"))
    extra = Job.objects.bulk_create([Job(id=job, job_type="note") for job in ids if sides[job] == "index"])
    write(server, list(changes_of([job for job in ids if sides[job] != "database"])))
    Job.objects.filter(pk__in=[job.pk for job in extra]).delete()
    SearchTombstone.objects.all().delete()
    counts = {side: list(sides.values()).count(side) for side in ("both", "database", "index")}
    wanted = Drift(missing=counts["database"], orphaned=counts["index"], checked=counts["both"] + counts["database"])
    assert reconcile() == wanted
    assert_agreement()


def test_what_happens_between_the_looks_is_no_drift(server, monkeypatch):
    search = Engine.search
    for act in ("change", "delete", "insert", "change and send", "delete and send"):
        jobs = put_in(7)
        sync()
        # Something to look at twice.
        lose(server, jobs[:1])
        acts, searched = count(1), []

        def happen(act=act, jobs=jobs, acts=acts):
            # One of them is met each time.
            some = Job.objects.filter(pk__in=[jobs[1].pk, jobs[1 + next(acts)].pk])
            if "change" in act:
                some.update(progress=F("progress") + 1)
            elif "delete" in act:
                some.delete()
            else:
                put_in(1)
            if "send" in act:
                sync()

        def search_meanwhile(engine, index, *body, happen=happen, searched=searched):
            # Once when both sides are read, and once for what is doubtful.
            searched.append(index)
            happen()
            try:
                engine.refresh(index)
                return search(engine, index, *body)
            finally:
                happen()

        with monkeypatch.context() as patched:
            patched.setattr(Engine, "search", search_meanwhile)
            assert reconcile().total == 1, act
        assert len(searched) == 2
        sync()
        assert_agreement()


def test_a_storm_of_changes_is_no_drift(server, monkeypatch):
    monkeypatch.setattr(comparing, "AT_ONCE", 10)
    put_in(40)
    sync()
    over = threading.Event()

    def storm():
        chance = random.Random(1)
        try:
            while not over.is_set():
                ids = list(Job.objects.order_by("?").values_list("pk", flat=True)[:6])
                Job.objects.filter(pk__in=ids[:5]).update(progress=F("progress") + 1)
                if chance.random() < 0.5:
                    Job.objects.filter(pk__in=ids[5:]).delete()
                    put_in(1)
                sync()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=storm) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        found = [reconcile() for _ in range(6)]
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert [drift.total for drift in found] == [0] * 6
    sync()
    assert_agreement()


def test_there_has_to_be_an_index(server):
    SearchIndex.objects.update(state="building", serving_since=None)
    with pytest.raises(NotServing):
        reconcile()
