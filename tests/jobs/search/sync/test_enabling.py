"""Switching search on and off: nothing is there without it, everything is with it, and each step may be run again."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from config.roles.declared import WORKER
from jobs.models import Job, SearchIndex, SearchRejection, SearchSlot, SearchTombstone
from jobs.search.engine import link
from jobs.search.sync import enabling, state
from jobs.search.sync.enabling import NotTheOwner
from jobs.worker import loop
from tests.database_roles import working_as
from tests.jobs.search.sync.agreement import assert_agreement
from tests.jobs.search.sync.switched_on import put_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(search_engine):
    yield search_engine
    enabling.disable(keep_indexes=True)


def call(*arguments):
    call_command("search", *arguments)


def made():
    return enabling.has_index(), enabling.has_trigger(), SearchSlot.objects.count()


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_enable_makes_all_and_disable_leaves_nothing(server, capsys):
    put_in(30)
    assert made() == (False, False, 0) and not state.is_enabled()
    call("enable")
    assert made() == (True, True, 4) and state.is_enabled()
    assert_agreement()
    assert server.engine.aliases(server.alias) == [server.new_index()]
    call("enable")
    assert SearchIndex.objects.count() == 1
    Job.objects.all().delete()
    call("disable")
    assert made() == (False, False, 0) and not state.is_enabled()
    assert server.engine.indexes(server.alias) == []
    for model in (SearchIndex, SearchTombstone, SearchRejection):
        assert not model.objects.exists()
    call("disable")
    assert "Search is disabled" in capsys.readouterr().out


def test_what_changed_while_it_was_off_is_there_when_it_is_on_again(server):
    jobs = put_in(10)
    call("enable")
    call("disable")
    jobs[0].delete()
    Job.objects.filter(pk=jobs[1].pk).update(progress=7)
    call("enable")
    assert_agreement()


def test_disable_may_keep_the_indexes(server, capsys):
    call("enable")
    call("disable", "--keep-indexes")
    assert f"The index {server.new_index()} is still in the engine." in capsys.readouterr().out
    assert server.engine.index_exists(server.new_index()) and not SearchIndex.objects.exists()

    call("enable")

    assert SearchIndex.objects.serving().name != server.new_index()
    assert_agreement()


def test_an_alias_of_somebody_else_is_refused_before_anything_is_made(server):
    call("enable")
    SearchIndex.objects.all().delete()
    call("disable", "--keep-indexes")

    with pytest.raises(CommandError, match="this database knows nothing"):
        call("enable")

    assert made() == (False, False, 0)


def test_that_there_is_no_index_is_said(server, capsys):
    call("enable")
    SearchIndex.objects.all().delete()
    call("status")
    assert "There is no index, PostgreSQL answers" in capsys.readouterr().out


def test_a_database_index_that_was_not_finished_is_made_anew(server):
    call("enable")
    execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'job_search_dirty'::regclass")
    assert not enabling.has_index()
    call("enable")
    assert enabling.has_index()


def test_a_lost_trigger_is_made_again(server):
    call("enable")
    execute("DROP TRIGGER note_deleted_jobs ON job_queue")
    call("enable")
    assert enabling.has_trigger()


@pytest.mark.usefixtures("database_roles")
def test_only_the_owner_may(server):
    with working_as(WORKER), pytest.raises(NotTheOwner):
        enabling.prepare()
    assert made() == (False, False, 0)


def test_without_an_engine_nothing_is_made_and_no_thread_is_there():
    with override_settings(ELASTICSEARCH_URLS=[]):
        link.forget()
        with pytest.raises(CommandError, match="set ELASTICSEARCH_URL"):
            call("enable")
        with pytest.raises(CommandError, match="--keep-indexes"):
            call("disable")
        assert loop._search_sync() is None
    assert made() == (False, False, 0)


def test_an_engine_that_is_away_leaves_everything_as_it_was(server, faulty_engine):
    with faulty_engine.refusing(), pytest.raises(CommandError, match="away"):
        call("enable")
    assert made() == (False, False, 0)


def test_sync_and_reconcile_and_reindex_say_what_they_did(server, capsys):
    with pytest.raises(CommandError, match="no index to send to"):
        call("sync")
    call("enable")
    put_in(3)
    call("sync")
    assert_agreement()
    server.engine.bulk([])
    call("reconcile")
    call("reindex")
    told = capsys.readouterr().out
    assert "All that had changed is sent." in told
    assert "3 jobs compared: 0 missing, 0 stale, 0 orphaned" in told
    assert "Searches go to the new index." in told
    assert server.engine.aliases(server.alias) == [server.new_index(2)]


def status(capsys, *arguments):
    capsys.readouterr()
    code = 0
    try:
        call("status", "--check", *arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, capsys.readouterr().out


def test_status_says_how_it_stands_and_check_fails_unless_all_is_in_step(server, capsys):
    code, told = status(capsys)
    assert code == 1 and "! Search is not enabled" in told
    put_in(2)
    call("enable")
    code, told = status(capsys)
    assert code == 0 and "All is in step." in told and f"{server.new_index()} serving, 2 documents" in told
    put_in(3)
    code, told = status(capsys, "--max-lag=1ms")
    assert code == 1 and "to send: 3 changes, 0 deletions" in told and "The oldest change has waited" in told
    server.engine.delete_index(server.new_index())
    code, told = status(capsys, "--json")
    assert code == 1
    found = json.loads(told)
    assert found["dirty"] == 3 and found["indexes"][0]["health"] == "gone"
    assert any("leads to nothing" in trouble for trouble in found["troubles"])


def test_status_says_all_it_knows_while_the_engine_is_away(server, capsys, faulty_engine):
    put_in(2)
    call("enable")
    with faulty_engine.refusing():
        code, told = status(capsys)
    assert code == 1 and "is away" in told and f"{server.new_index()} serving" in told
