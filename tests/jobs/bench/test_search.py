"""The measurement of searches measures something, leaves nothing behind, and touches nothing that is not its own."""

import json
import os
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from accounts.models import User
from jobs.models import Job, Queue, SearchIndex, SearchSlot, SearchTombstone, Worker
from tests.acceptance.conftest import database_url
from tests.jobs.rows import new_job
from tests.web_process import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


def left() -> set[str]:
    models = (Job, Queue, Worker, User, SearchIndex, SearchSlot, SearchTombstone)
    found = {model.__name__ for model in models if model.objects.exists()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('job_search_dirty')")
        return found | ({"job_search_dirty"} if cursor.fetchone()[0] else set())


def test_without_an_engine_postgresql_alone_is_measured_beside_other_jobs(settings, capsys):
    settings.ELASTICSEARCH_URLS = []
    other = new_job()
    call_command("bench_search", "--json", "--jobs", "600", "--rate", "1", "--seconds", "1s", "--times", "3")
    figures = json.loads(capsys.readouterr().out)
    for name, query in figures["queries"].items():
        assert query["postgresql"]["p50_ms"] <= query["postgresql"]["p99_ms"], name
        assert "elasticsearch" not in query
    assert {name for name, query in figures["queries"].items() if not query["postgresql"]["hits"]} <= {
        "many conditions"
    }
    assert figures["goals"].keys() == {"postgresql p95 under 200 ms"} and figures["machine"]["cores"]
    assert left() == {"Job"}
    other.refresh_from_db()
    assert (other.version, other.es_sync_version) == (1, 0)


@pytest.mark.slow
def test_an_engine_is_loaded_kept_in_step_and_searched(search_engine):
    options = ("--jobs", "300", "--rate", "100", "--seconds", "1s", "--times", "3", "--json")
    environment = {**os.environ, "DATABASE_URL": database_url(), "ELASTICSEARCH_URL": search_engine.url}
    command = [sys.executable, "-W", "ignore", "manage.py", "bench_search", *options]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures["load"]["loaded"] == 300 and figures["sync"]["changes"] == 100
    assert figures["goals"]["nothing drifted"]
    for query in figures["queries"].values():
        assert query["elasticsearch"]["hits"] == query["postgresql"]["hits"]
    assert left() == set()
    # What it loaded is gone from there, too; what was there before it has another name.
    assert search_engine.engine.indexes("bench-") == []


@pytest.mark.parametrize("enabled", [True, False])
def test_it_refuses_where_others_would_be_touched(search_engine, enabled):
    if enabled:
        SearchSlot.objects.create(number=0)
    else:
        new_job()
    with pytest.raises(CommandError, match="Search is enabled" if enabled else "This database has jobs"):
        call_command("bench_search", "--jobs", "100", "--rate", "10", "--seconds", "1s")
    assert left() == ({"SearchSlot"} if enabled else {"Job"})


def test_each_job_is_changed_once_at_most():
    with pytest.raises(CommandError, match="at least --rate times --seconds"):
        call_command("bench_search", "--jobs", "100")
