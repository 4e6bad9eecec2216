"""What changed reaches the engine in its latest version, whoever changes jobs at the same moment, and whoever dies."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.db.models import F

from config.roles.declared import WORKER
from jobs import retention
from jobs.models import Job, SearchIndex, SearchSlot, SearchTombstone
from jobs.search.engine.failures import EngineAway
from jobs.search.sync import slots, state, syncing
from jobs.search.sync.changes import changes_of
from jobs.search.sync.sending import send
from jobs.search.sync.slots import raise_tokens, slot_of
from jobs.search.sync.syncing import Syncer, sync_until_clean
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.fault_proxy import rate_limited
from tests.jobs.rows import finish, new_job
from tests.jobs.search.sync.agreement import assert_agreement
from tests.jobs.search.sync.serving import make_index, serving, switched_on  # noqa: F401 (fixtures)
from tests.jobs.search.sync.switched_on import put_in
from tests.jobs.together import in_threads

pytestmark = pytest.mark.usefixtures("serving")


def sync():
    assert sync_until_clean(time.monotonic() + 30)


def marks():
    return list(Job.objects.order_by("id").values_list("version", "es_sync_version"))


def change(jobs=None):
    (Job.objects.all() if jobs is None else jobs).update(retry_count=F("retry_count") + 1)


def elsewhere(act):
    """Do it in another connection, from beginning to end."""

    def run():
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def during_the_request(proxy, act):
    """Do this when the engine has taken the next bulk request and nobody knows yet."""

    def fault(handler, asked):
        answer = handler.forward(asked)
        elsewhere(act)
        handler.reply(answer)

    proxy.fail(fault, path="_bulk", times=1)


class Locked:
    """Another connection that has changed or locked jobs and does not say yet what comes of it."""

    def __init__(self, act):
        self._act, self._ready, self._end = act, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            with transaction.atomic():
                self._act()
                self._ready.set()
                self._end.wait(60)
        finally:
            self._ready.set()
            connection.close()

    def __enter__(self):
        self._thread.start()
        self._ready.wait(60)
        return self

    def __exit__(self, *args):
        self._end.set()
        self._thread.join()


def test_new_changed_hidden_and_deleted_jobs_reach_the_index():
    jobs = put_in(20, metadata={"cpu": 4})
    sync()
    assert_agreement()
    change(Job.objects.filter(pk__in=[job.pk for job in jobs[:5]]))
    Job.objects.filter(pk=jobs[5].pk).update(is_deleted=True)
    Job.objects.filter(pk__in=[job.pk for job in jobs[6:10]]).delete()
    assert SearchTombstone.objects.count() == 4
    sync()
    assert_agreement()
    assert SearchTombstone.objects.count() == 0 and state.figures() == state.Figures()


def test_a_mark_is_no_change_of_the_job():
    put_in(3)
    before = list(Job.objects.order_by("id").values_list("version", "updated_at"))
    sync()
    assert list(Job.objects.order_by("id").values_list("version", "updated_at")) == before
    assert {job.es_sync_version == job.version and job.es_synced_at is not None for job in Job.objects.all()} == {True}
    assert Syncer(settle=0).round() == 0


def test_a_write_that_also_sets_the_marks_is_a_change():
    job = new_job()
    Job.objects.filter(pk=job.pk).update(es_sync_version=7, progress=5)
    job.refresh_from_db()
    assert (job.version, job.es_sync_version) == (2, 7)


def test_a_change_settles_before_it_is_sent():
    put_in(1)
    assert Syncer(settle=3600).round() == 0
    # A clock that was put back is no reason to wait.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_queue DISABLE TRIGGER touch_job")
        cursor.execute("UPDATE job_queue SET updated_at = now() + interval '1 day'")
        cursor.execute("ALTER TABLE job_queue ENABLE TRIGGER touch_job")
    assert Syncer(settle=3600).round() == 1


def test_what_a_long_transaction_wrote_before_later_changes_is_not_missed():
    early, late = put_in(2)
    sync()
    with Locked(lambda: change(Job.objects.filter(pk=early.pk))):
        change(Job.objects.filter(pk=late.pk))
        sync()
        assert marks() == [(1, 1), (2, 2)]
    assert marks() == [(2, 1), (2, 2)]
    sync()
    assert_agreement()


def test_a_locked_job_is_waited_for_by_nobody_and_holds_up_no_other(monkeypatch):
    monkeypatch.setattr(syncing, "MOST_JOBS", 3)
    held, free = put_in(40), put_in(40)
    locked = Job.objects.filter(pk__in=[job.pk for job in held])
    syncer = Syncer(settle=0)
    with Locked(lambda: list(locked.select_for_update())):
        while syncer.round():
            pass
        assert {job.es_sync_version for job in Job.objects.filter(pk__in=[job.pk for job in free])} == {1}
        assert {job.es_sync_version for job in Job.objects.filter(pk__in=[job.pk for job in held])} == {0}
    # Nothing came of the locks: after a while they are sent again.
    syncer._unmarked.clear()
    while syncer.round():
        pass
    assert_agreement()


def test_the_mark_is_of_the_version_that_was_sent(faulty_engine):
    job = new_job()
    during_the_request(faulty_engine, lambda: change(Job.objects.filter(pk=job.pk)))
    assert Syncer(settle=0).round() == 1
    assert marks() == [(2, 1)]
    sync()
    assert_agreement()


def test_a_job_that_is_deleted_while_it_is_sent_does_not_stay(faulty_engine):
    job = new_job()
    during_the_request(faulty_engine, lambda: Job.objects.filter(pk=job.pk).delete())
    Syncer(settle=0).round()
    sync()
    assert_agreement()


def test_an_update_that_comes_late_does_not_bring_a_deleted_job_back(serving):  # noqa: F811
    job = new_job()
    late = list(changes_of([job.pk]))
    sync()
    Job.objects.filter(pk=job.pk).delete()
    sync()
    assert list(send(serving.engine, state.targets(), late).sent) == [job.pk]
    assert_agreement()


def test_several_syncers_do_each_others_work_no_harm():
    put_in(200)
    stop = threading.Event()

    def work(number):
        if number == 0:
            for _ in range(15):
                ids = list(Job.objects.order_by("?").values_list("pk", flat=True)[:8])
                change(Job.objects.filter(pk__in=ids[:6]))
                Job.objects.filter(pk__in=ids[6:]).delete()
                put_in(3)
            stop.set()
        syncer = Syncer(settle=0)
        while not stop.is_set():
            syncer.round()

    in_threads(4, work)
    sync()
    assert_agreement()
    assert {version == marked for version, marked in marks()} == {True}


def test_whoever_lost_its_slot_marks_nothing(faulty_engine):
    job = new_job()

    def take_over():
        SearchSlot.objects.update(held_until=None)
        held = slots.take([slot_of(job.pk)], "another")
        assert held is not None
        change()

    during_the_request(faulty_engine, take_over)
    Syncer(settle=0).round()
    assert marks() == [(2, 0)]
    slot = SearchSlot.objects.get(number=slot_of(job.pk))
    assert slot.holder == "another" and slot.held_until is not None


def test_an_engine_in_trouble_gets_less_at_a_time(faulty_engine):
    put_in(1)
    syncer = Syncer(settle=0)
    faulty_engine.fail(rate_limited("60"), path="_bulk")
    for _ in range(8):
        with pytest.raises(EngineAway):
            syncer.round()
    assert syncer._most == syncing.FEWEST_JOBS
    faulty_engine.heal()
    assert syncer.round() == 1
    assert syncer._most == 2 * syncing.FEWEST_JOBS


def test_a_zombie_is_sent_no_further(serving, monkeypatch):  # noqa: F811
    monkeypatch.setattr(syncing, "HELD_SECONDS", 0.0)
    put_in(1)
    number = slot_of(Job.objects.get().pk)
    held = slots.take([number], "zombie")
    SearchSlot.objects.update(held_until=None)
    slots.take([number], "another")
    outcomes = send(serving.engine, state.targets(), changes_of([Job.objects.get().pk]), keep=lambda: slots.keep(held))
    assert outcomes.stopped and not outcomes.sent
    serving.engine.refresh(serving.new_index())
    assert serving.engine.count(serving.new_index()) == 0


def test_what_was_sent_before_another_index_came_is_sent_to_both(serving, faulty_engine):  # noqa: F811
    put_in(1)

    def begin_another():
        with transaction.atomic():
            raise_tokens()
            make_index(serving, 2, SearchIndex.State.BUILDING)

    during_the_request(faulty_engine, begin_another)
    Syncer(settle=0).round()
    assert marks() == [(1, 0)]
    sync()
    assert marks() == [(1, 1)]
    for number in (1, 2):
        assert_agreement(serving.new_index(number))


def test_nothing_is_sent_or_marked_while_the_first_index_is_loaded(serving):  # noqa: F811
    SearchIndex.objects.update(state="building", loaded_at=None, serving_since=None)
    put_in(2)
    Job.objects.order_by("id")[0].delete()
    assert Syncer(settle=0).round() == 0
    assert marks() == [(1, 0)] and SearchTombstone.objects.count() == 1


@pytest.mark.usefixtures("database_roles")
def test_all_owners_jobs_are_sent_with_the_rights_of_the_worker():
    for job in put_in(2, user=UserFactory()) + put_in(2, user=UserFactory(is_active=False)):
        Job.objects.filter(pk=job.pk).update(is_deleted=True)
    old = finish(new_job())
    sync()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_queue DISABLE TRIGGER touch_job")
        cursor.execute(
            "UPDATE job_queue SET id = '01890000-0000-7000-8000-000000000000', updated_at = '2024-01-01' WHERE id = %s",
            [old.pk],
        )
        cursor.execute("ALTER TABLE job_queue ENABLE TRIGGER touch_job")
    with working_as(WORKER):
        change(Job.objects.filter(status="pending"))
        sync()
        assert retention.tidy() == 1
        assert SearchTombstone.objects.count() == 1
        sync()
        assert state.figures() == state.Figures()
