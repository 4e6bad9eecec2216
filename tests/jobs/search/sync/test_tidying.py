"""What workers do for the index by and by: a walk a day, in slices, and old indexes cleared away."""

import logging
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import override_settings

from config.roles.declared import WORKER
from jobs.models import Chore, Job, SearchIndex, SearchRejection
from jobs.search.engine import link
from jobs.search.engine.operations import Operation
from jobs.search.sync import comparing, tidying
from jobs.search.sync.progress import Unseen
from jobs.search.sync.reindexing import reindex
from jobs.search.sync.tidying import CHORE, IndexLost, tidy
from tests.database_roles import working_as
from tests.jobs.search.sync.agreement import assert_agreement
from tests.jobs.search.sync.switched_on import put_in, switched_on  # noqa: F401 (fixture)


@pytest.fixture
def server(switched_on):  # noqa: F811
    put_in(20)
    reindex()
    Chore.objects.create(name=CHORE)
    # When it was built it was compared, too; that is not the chore's doing.
    SearchIndex.objects.update(reconciled_at=None)
    return switched_on


def memory():
    return Chore.objects.get(name=CHORE).memory


def reconciled():
    return SearchIndex.objects.serving().reconciled_at is not None


def age(time):
    """Have the walk that is remembered begin so much earlier."""
    chore = Chore.objects.get(name=CHORE)
    began = datetime.fromisoformat(chore.memory["began"]) - time
    Chore.objects.filter(name=CHORE).update(memory={**chore.memory, "began": began.isoformat()})


def lose(server, index, *jobs):
    assert all(result.done for result in server.engine.bulk([Operation(index, str(job), 1, None) for job in jobs]))


def ids():
    return list(Job.objects.order_by("id").values_list("pk", flat=True))


def test_a_walk_a_day_repairs_what_is_wrong(server):
    lose(server, server.new_index(), *ids()[:2])
    tidy()
    row = SearchIndex.objects.get()
    assert (row.missing, row.drifting_runs, reconciled()) == (2, 1, True)
    assert_agreement()
    lose(server, server.new_index(), ids()[0])
    tidy()
    assert SearchIndex.objects.get().missing == 2, "it was walked today"
    age(timedelta(days=1))
    tidy()
    assert (SearchIndex.objects.get().missing, SearchIndex.objects.get().drifting_runs) == (1, 2)
    assert_agreement()


def test_a_walk_is_gone_in_slices(server, monkeypatch):
    monkeypatch.setattr(comparing, "AT_ONCE", 8)
    monkeypatch.setattr(tidying, "RUN_SECONDS", -1.0)
    jobs = ids()
    lose(server, server.new_index(), jobs[0], jobs[19])
    for slices in range(1, 3):
        tidy()
        assert not reconciled()
        assert memory()["position"] == str(jobs[8 * slices - 1])
    # However old it is: a walk is gone to its end.
    age(timedelta(days=2))
    tidy()
    assert reconciled()
    row = SearchIndex.objects.get()
    assert (row.missing, memory()["found"]["checked"], memory()["at_end"]) == (2, 20, True)


def test_a_new_index_is_walked_from_its_beginning(server):
    tidy()
    SearchIndex.objects.update(reconciled_at=None)
    reindex()
    SearchIndex.objects.update(reconciled_at=None)
    tidy()
    assert memory()["index"] == server.new_index(2)
    assert reconciled()


def test_replaced_indexes_are_kept_for_a_day(server):
    reindex()
    old, new = server.new_index(1), server.new_index(2)
    tidy()
    assert server.engine.indexes(server.alias) == [old, new]
    SearchIndex.objects.filter(name=old).update(retired_at=Now() - timedelta(days=1))
    tidy()
    assert server.engine.indexes(server.alias) == [new]
    assert list(SearchIndex.objects.values_list("name", flat=True)) == [new]


def test_a_replaced_index_that_searches_were_led_back_to_is_kept(server):
    reindex()
    old = server.new_index(1)
    SearchIndex.objects.filter(name=old).update(retired_at=Now() - timedelta(days=2))
    server.engine.move_alias(server.alias, old, [server.new_index(2)])
    tidy()
    # By then the alias is where it belongs.
    assert server.engine.aliases(server.alias) == [server.new_index(2)]
    assert server.engine.index_exists(old)
    tidy()
    assert not server.engine.index_exists(old)


def test_empty_indexes_that_nobody_made_use_of_are_swept_up(server):
    reindex()
    for number in (0, 7):
        server.engine.create_index(server.new_index(number), {})
    tidy()
    # A later number may be that of an index whose row is about to be committed.
    assert server.engine.indexes(server.alias) == [server.new_index(number) for number in (1, 2, 7)]


def test_the_alias_is_let_be_while_an_index_is_built(server):
    class Stop(Unseen):
        def begin(self, what, total=None, done=0):
            if what == "comparing":
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reindex(Stop())
    server.engine.move_alias(server.alias, server.new_index(2), [server.new_index(1)])
    tidy()
    assert server.engine.aliases(server.alias) == [server.new_index(2)]
    # The one that serves is walked all the same.
    assert reconciled()


def test_an_index_that_is_gone_is_told(server):
    server.engine.delete_index(server.new_index())
    with pytest.raises(IndexLost):
        tidy()


def test_it_waits_for_an_engine_that_is_away(server, caplog):
    with override_settings(ELASTICSEARCH_URLS=["http://127.0.0.1:1"]), caplog.at_level(logging.WARNING):
        link.forget()
        tidy()
    assert "the search index waits for the engine" in caplog.text
    assert not reconciled()
    link.forget()
    tidy()
    assert reconciled()


def test_a_document_that_is_refused_in_repairing_is_put_aside(server):
    (job,) = put_in(1)
    # Deep enough for PostgreSQL alone.
    deep = '{"a":' * 3000 + "1" + "}" * 3000
    with connection.cursor() as cursor:
        cursor.execute("UPDATE job_queue SET metadata = %s::jsonb WHERE id = %s", [deep, job.pk])
    Job.objects.filter(pk=job.pk).update(es_sync_version=F("version"))
    tidy()
    assert SearchIndex.objects.get().missing == 1
    assert SearchRejection.objects.get().job_id == job.pk
    age(timedelta(days=1))
    tidy()
    assert SearchIndex.objects.get().missing == 0


@pytest.mark.usefixtures("database_roles")
def test_workers_may_do_all_of_it(server):
    with working_as(WORKER):
        reindex()
        SearchIndex.objects.filter(state="retired").update(retired_at=Now() - timedelta(days=2))
        lose(server, server.new_index(2), ids()[0])
        tidy()
        assert list(SearchIndex.objects.values_list("name", "missing")) == [(server.new_index(2), 1)]
    assert_agreement()


def test_nothing_is_done_where_search_is_off(db, django_assert_num_queries):
    with override_settings(ELASTICSEARCH_URLS=[]), django_assert_num_queries(0):
        tidy()
