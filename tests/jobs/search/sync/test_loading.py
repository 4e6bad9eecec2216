"""Loading an index through everything that an engine, a document or another process may do meanwhile."""

import threading
from itertools import cycle

import pytest
from django.db import connection, connections
from django.db.models import F

from jobs.models import Job, SearchIndex, SearchRejection
from jobs.search.engine.failures import EngineAway, NotFound
from jobs.search.sync import loading
from jobs.search.sync.progress import Unseen
from jobs.search.sync.reindexing import reindex
from tests.fault_proxy import error, rate_limited, resets, resets_afterwards
from tests.jobs.search.sync.agreement import assert_agreement
from tests.jobs.search.sync.switched_on import put_in, switched_on  # noqa: F401 (fixture)


@pytest.fixture
def server(switched_on, monkeypatch):  # noqa: F811
    monkeypatch.setattr(loading, "AT_ONCE", 10)
    return switched_on


class During(Unseen):
    """Acts after each chunk of the load."""

    def __init__(self, act):
        self.act, self.what = act, ""

    def begin(self, what, total=None, done=0):
        self.what = what

    def advance(self, count):
        if self.what == "loading":
            self.act()


def test_a_stumbling_engine_gets_everything(server, faulty_engine):
    put_in(80)
    faults = cycle([rate_limited("0"), resets, error(503, "unavailable"), resets_afterwards])
    reindex(During(lambda: faulty_engine.fail(next(faults), "POST", "_bulk", times=1)))
    assert SearchIndex.objects.get().loaded == 80
    assert_agreement()


def test_it_waits_for_an_engine_that_is_away_for_a_while_and_keeps_its_hold(server, faulty_engine, monkeypatch):
    monkeypatch.setattr(loading, "SIGN_OF_LIFE", 0.01)
    put_in(40)
    faulty_engine.fail(error(503, "unavailable"), "POST", "_bulk")
    ends = []

    def run():
        try:
            ends.append(reindex())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    # More often than one call of send() tries it.
    faulty_engine.wait_for("POST", "_bulk", times=loading.SENDERS * 6)
    first = SearchIndex.objects.get()
    assert (first.state, first.loaded) == ("building", 0)
    faulty_engine.heal()
    thread.join(60)
    assert ends == [True]
    assert_agreement()


def test_it_ends_when_the_engine_stays_away_and_goes_on_later(server, faulty_engine, monkeypatch):
    monkeypatch.setattr(loading, "PATIENCE", -1.0)
    put_in(150)
    with pytest.raises(EngineAway):
        reindex(During(lambda: faulty_engine.fail(error(503, "unavailable"), "POST", "_bulk")))
    half = SearchIndex.objects.get()
    assert 10 <= half.loaded < 150
    # Whoever comes next need not wait.
    assert half.held_until is None
    faulty_engine.heal()
    reindex()
    assert SearchIndex.objects.get().loaded == 150
    assert_agreement()


def test_an_index_that_goes_while_it_is_loaded_ends_it(server):
    put_in(200)
    with pytest.raises(NotFound):
        reindex(During(lambda: server.engine.delete_index(server.new_index())))
    reindex()
    assert_agreement()


def test_what_cannot_be_a_document_is_put_aside_and_the_rest_is_loaded(server):
    bad, *_ = put_in(30)
    deep = '{"a":' * 3000 + "1" + "}" * 3000
    with connection.cursor() as cursor:
        cursor.execute("UPDATE job_queue SET metadata = %s::jsonb WHERE id = %s", [deep, bad.pk])
    assert reindex() is True
    aside = SearchRejection.objects.get()
    assert (aside.job_id, aside.version) == (bad.pk, 2)
    assert "RecursionError" in aside.error_message
    # It counts as sent, or it would be sent for ever.
    assert not Job.objects.filter(es_sync_version__lt=F("version")).exists()
    assert_agreement()


def test_a_job_that_somebody_has_locked_is_loaded_and_waits_for_nobody(server):
    locked, *_ = put_in(30)
    begun, over = threading.Event(), threading.Event()

    def hold():
        try:
            with connections["default"].cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("UPDATE job_queue SET progress = 7 WHERE id = %s", [locked.pk])
                begun.set()
                over.wait(60)
                cursor.execute("COMMIT")
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(60)
    try:
        reindex()
        assert SearchIndex.objects.get().state == "serving"
        assert_agreement()
    finally:
        over.set()
        thread.join(60)
    # It changed behind the loader: it is not marked as if that had been sent.
    job = Job.objects.get(pk=locked.pk)
    assert (job.version, job.es_sync_version) == (2, 0)
