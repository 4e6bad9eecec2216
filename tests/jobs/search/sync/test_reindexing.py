"""A new index from the database: complete, resumable, and searched from one moment to the next."""

import threading
import time
from collections import Counter

import pytest
from django.db import connections
from django.db.models import F

from jobs.models import Job, SearchIndex, SearchSlot
from jobs.search.asking import Asked, Source
from jobs.search.finding import find
from jobs.search.language.parsing import parse
from jobs.search.sync import beginning, loading
from jobs.search.sync.beginning import AliasTaken, NotEnabled
from jobs.search.sync.holding import HoldLost, take
from jobs.search.sync.progress import Unseen
from jobs.search.sync.reindexing import reindex
from jobs.search.sync.syncing import sync_until_clean
from tests.acceptance.stage import wait_until
from tests.factories import UserFactory
from tests.jobs.search.sync.agreement import assert_agreement
from tests.jobs.search.sync.switched_on import put_in, switched_on  # noqa: F401 (fixture)


class Meddling(Unseen):
    """Does something at every step of the load."""

    def __init__(self, act):
        self.act, self.parts, self.lines, self.what = act, [], [], ""

    def begin(self, what, total=None, done=0):
        self.what = what
        self.parts.append((what, total, done))

    def advance(self, count):
        if self.what == "loading":
            self.act()

    def note(self, line):
        self.lines.append(line)


@pytest.fixture
def server(switched_on, monkeypatch):  # noqa: F811
    monkeypatch.setattr(loading, "AT_ONCE", 20)
    monkeypatch.setattr(beginning, "LOOK_SECONDS", 0.02)
    return switched_on


def sync():
    assert sync_until_clean(time.monotonic() + 60)


def states():
    return dict(SearchIndex.objects.order_by("name").values_list("name", "state"))


def churn():
    """Change some jobs, delete some and put some in, as clients do."""
    ids = list(Job.objects.order_by("?").values_list("pk", flat=True)[:9])
    Job.objects.filter(pk__in=ids[:6]).update(progress=F("progress") + 1)
    Job.objects.filter(pk__in=ids[6:]).delete()
    put_in(3, queue="late")


def test_the_first_index_of_all_is_loaded_marked_and_searched(server):
    put_in(130)
    assert reindex() is True
    first = server.new_index()
    assert server.engine.aliases(server.alias) == [first]
    index = SearchIndex.objects.get()
    assert (index.name, index.state, index.loaded) == (first, "serving", 130)
    assert index.loaded_at and index.serving_since and index.reconciled_at
    assert (index.missing, index.stale, index.orphaned, index.held_until) == (0, 0, 0, None)
    assert not Job.objects.filter(es_sync_version__lt=F("version")).exists()
    assert_agreement()
    # What is sent from now on is found without anybody's asking for it.
    (late,) = put_in(1)
    sync()
    body = {"query": {"ids": {"values": [str(late.pk)]}}}
    wait_until(lambda: server.engine.search(server.alias, body)["hits"]["hits"])


def test_nothing_is_sent_to_the_first_index_but_by_its_loader(server):
    put_in(100)
    names = []

    def look():
        churn()
        names.append(server.engine.count(server.new_index()))
        sync()

    reindex(Meddling(look))
    sync()
    assert len(names) >= 5
    assert_agreement()


def test_a_second_index_is_built_beside_the_first_while_jobs_change(server):
    put_in(130)
    reindex()
    tokens = set(SearchSlot.objects.values_list("token", flat=True))

    def look():
        churn()
        # What changed is sent to both: searches lag no more than before.
        sync()
        assert_agreement(server.new_index(1))

    reindex(Meddling(look))
    assert states() == {server.new_index(1): "retired", server.new_index(2): "serving"}
    assert server.engine.aliases(server.alias) == [server.new_index(2)]
    assert min(SearchSlot.objects.values_list("token", flat=True)) > max(tokens)
    churn()
    sync()
    assert_agreement()


def test_it_goes_on_where_it_was(server):
    put_in(200)

    class Over(Exception):
        pass

    def stop():
        if SearchIndex.objects.get().loaded >= 60:
            raise Over

    with pytest.raises(Over):
        reindex(Meddling(stop))
    half = SearchIndex.objects.get()
    assert (half.state, half.loaded, half.held_until) == ("building", 60, None)
    assert server.engine.aliases(server.alias) == []
    churn()
    seen = Meddling(lambda: None)
    reindex(seen)
    assert ("loading", half.expected, 60) in seen.parts
    row = SearchIndex.objects.get()
    # What had been sent was not sent again.
    assert (row.name, row.loaded) == (half.name, 60 + Job.objects.filter(pk__gt=half.loaded_to).count())
    sync()
    assert_agreement()


def test_whoever_was_taken_for_dead_writes_nothing_more(server):
    put_in(100)
    others = []

    def take_over():
        if not others:
            SearchIndex.objects.update(held_until=None)
            others.append(take(server.new_index()))

    with pytest.raises(HoldLost):
        reindex(Meddling(take_over))
    row = SearchIndex.objects.get()
    assert (row.token, row.loaded) == (others[0].token, 20)
    assert row.held_until is not None
    others[0].let_go()
    reindex()
    assert_agreement()


def test_two_at_once_build_one_index(server):
    put_in(100)
    ends, second = [], []

    def run():
        try:
            ends.append(reindex())
        finally:
            connections.close_all()

    def start_another():
        if not second:
            second.append(threading.Thread(target=run))
            second[0].start()

    ends.append(reindex(Meddling(start_another)))
    second[0].join(60)
    assert sorted(ends) == [False, True]
    assert states() == {server.new_index(): "serving"}
    assert server.engine.indexes(server.alias) == [server.new_index()]
    assert_agreement()


def test_two_that_begin_at_once_build_one_index(server):
    put_in(60)
    ends, together = [], threading.Barrier(4)

    def run():
        try:
            together.wait(60)
            ends.append(reindex())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # A late one may begin when the first is through: then it builds the next.
    assert ends.count(True) >= 1
    assert len(ends) == 4
    assert list(states().values()).count("serving") == 1
    assert not SearchIndex.objects.building()
    assert_agreement()


def test_an_index_of_another_release_is_begun_anew(server):
    put_in(50)
    with pytest.raises(ZeroDivisionError):
        reindex(Meddling(lambda: 1 / 0))
    SearchIndex.objects.update(mapping_version=0)
    reindex()
    assert states() == {server.new_index(1): "serving"} or states() == {server.new_index(2): "serving"}
    assert len(server.engine.indexes(server.alias)) == 1
    assert_agreement()


@pytest.mark.parametrize("lost", ["building", "serving"])
def test_an_index_that_is_gone_from_the_engine_is_made_anew(server, lost):
    put_in(50)
    reindex()
    with pytest.raises(ZeroDivisionError):
        reindex(Meddling(lambda: 1 / 0))
    server.engine.delete_index(SearchIndex.objects.get(state=lost).name)
    churn()
    reindex()
    sync()
    assert list(states().values()).count("serving") == 1
    assert_agreement()


def test_the_alias_of_another_installation_is_left_alone(server):
    server.engine.create_index("test-foreign", {})
    try:
        server.engine.move_alias(server.alias, "test-foreign")
        with pytest.raises(AliasTaken, match=f"{server.alias} leads to test-foreign"):
            reindex()
    finally:
        server.engine.delete_index("test-foreign")
    assert not SearchIndex.objects.exists()


def test_search_has_to_be_switched_on(server):
    SearchSlot.objects.all().delete()
    with pytest.raises(NotEnabled):
        reindex()


class Probes:
    """Searches for jobs that stay as they are, again and again; every answer has each of them once."""

    def __init__(self, server, stable):
        self.server, self.stable = server, sorted(str(job.pk) for job in stable)
        self.user = UserFactory(user_id="prober", role="operator")
        self.over = threading.Event()
        self.wrong, self.sources, self.looks = [], Counter(), 0

    def run(self):
        try:
            while not self.over.is_set():
                for look in (self.whole, self.by_pages, self.by_alias):
                    found = look()
                    self.looks += 1
                    if sorted(found) != self.stable:
                        self.wrong.append((look.__name__, len(found), len(set(found))))
        except Exception as error:  # noqa: BLE001 - it is told by the test
            self.wrong.append(repr(error))
        finally:
            connections.close_all()

    def whole(self):
        return self.find(limit=100)[0]

    def by_pages(self):
        found, after = [], None
        while True:
            ids, after = self.find(limit=17, after=after)
            found += ids
            if after is None:
                return found

    def by_alias(self):
        """Ask the engine itself, of which nothing is held against the database."""
        if not SearchIndex.objects.serving():
            return self.stable
        body = {"query": {"term": {"queue": "stable"}}, "size": 1000, "_source": False}
        return [hit["_id"] for hit in self.server.engine.search(self.server.alias, body)["hits"]["hits"]]

    def find(self, **how):
        answer = find(Asked(parse("queue:stable NOT hostname:no*"), see_all=True, **how), self.user)
        self.sources[answer.source] += 1
        return [str(job.pk) for job in answer.jobs], answer.after


def test_searches_are_exact_throughout(server):
    """While other jobs change, come and go, and one index after the other takes over from the one before."""
    probes = Probes(server, put_in(40, queue="stable", hostname="yes"))
    put_in(100)

    def write():
        try:
            while not probes.over.is_set():
                ids = list(Job.objects.exclude(queue="stable").order_by("?").values_list("pk", flat=True)[:4])
                Job.objects.filter(pk__in=ids[:3]).update(progress=F("progress") + 1)
                Job.objects.filter(pk__in=ids[3:]).delete()
                put_in(1)
                sync_until_clean(time.monotonic() + 60)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act) for act in (probes.run, write)]
    for thread in threads:
        thread.start()
    try:
        for indexes in range(4):
            before = probes.looks
            if indexes:
                reindex()
            wait_until(lambda before=before: probes.wrong or probes.looks >= before + 6)
    finally:
        probes.over.set()
        for thread in threads:
            thread.join(60)
    assert not probes.wrong
    # Of the first index PostgreSQL has answered until it was complete.
    assert set(probes.sources) == {Source.ENGINE, Source.POSTGRESQL}
    assert server.engine.aliases(server.alias) == [server.new_index(3)]
    sync()
    assert_agreement()
