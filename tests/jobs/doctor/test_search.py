"""The search engine in trouble: found, and gone when the advice was followed."""

import json
import re
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from accounts.uuid7 import uuid7
from jobs.doctor.findings import Severity
from jobs.models import Job, SearchIndex, SearchRejection
from jobs.search.engine import link
from jobs.search.mapping import index_body
from tests.jobs.doctor.looking import trouble, troubles
from tests.jobs.rows import new_job
from tests.local_server import LocalServer, running
from tests.search_server import SearchServer

#: Enabling makes a database index, which is done outside of transactions.
pytestmark = pytest.mark.django_db(transaction=True)


#: As a build that was broken off leaves it.
INVALIDATE = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'job_search_dirty'::regclass"


@pytest.fixture(autouse=True)
def _all_is_undone(search_engine):
    yield
    call_command("search", "disable", verbosity=0)
    link.forget()


class Old(BaseHTTPRequestHandler):
    """An engine of years ago."""

    def do_GET(self) -> None:
        body = json.dumps({"version": {"number": "7.17.0"}, "tagline": "You Know, for Search"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def obey(advice: str) -> None:
    """Type each `manage.py search …` of the advice as it stands there."""
    typed = re.findall(r"manage\.py search (\w+(?: --[\w-]+)*)", advice)
    assert typed, advice
    for words in typed:
        call_command("search", *words.split(), verbosity=0)


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def enabled(engine: SearchServer) -> SearchIndex:
    call_command("search", "enable", verbosity=0)
    assert troubles("search") == []
    index = SearchIndex.objects.serving()
    assert index is not None
    return index


def test_a_search_that_was_never_enabled(search_engine):
    found = trouble("search")
    assert "was never enabled" in found.what and found.severity is Severity.WARN
    obey(found.advice)
    assert troubles("search") == []


def test_an_enabled_search_without_a_url(search_engine, settings):
    enabled(search_engine)
    settings.ELASTICSEARCH_URLS = []
    found = trouble("search")
    assert "here is no ELASTICSEARCH_URL" in found.what
    obey(found.advice)
    assert troubles("search") == []


@pytest.mark.parametrize(
    "breaking",
    [
        "DROP INDEX job_search_dirty",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'job_search_dirty'::regclass",
    ],
)
def test_the_database_index_of_changed_jobs_is_missing_or_invalid(search_engine, breaking):
    enabled(search_engine)
    execute(breaking)
    found = trouble("search")
    assert "job_search_dirty" in found.what and found.severity is Severity.CRITICAL
    obey(found.advice)
    assert troubles("search") == []


@pytest.mark.parametrize("breaking", ["DROP TRIGGER {} ON job_queue", "ALTER TABLE job_queue DISABLE TRIGGER {}"])
def test_the_trigger_that_notes_deleted_jobs_is_missing_or_off(search_engine, breaking):
    job = new_job()
    index = enabled(search_engine)
    execute(breaking.format("note_deleted_jobs"))
    Job.objects.filter(pk=job.pk).delete()
    found = trouble("search")
    assert "The trigger that notes deleted jobs" in found.what and found.severity is Severity.CRITICAL
    obey(found.advice)
    assert [each for each in troubles("search") if "reconciliation" not in each.what] == []
    search_engine.engine.refresh(index.name)
    assert search_engine.engine.count(index.name) == 0


def test_an_engine_that_does_not_answer(search_engine, settings):
    enabled(search_engine)
    url = settings.ELASTICSEARCH_URLS
    link.forget()
    settings.ELASTICSEARCH_URLS = ["http://someone:secret@127.0.0.1:9"]
    found = trouble("search")
    assert "away" in found.what and "curl -sS http://127.0.0.1:9" in found.advice and "secret" not in str(found)
    link.forget()
    settings.ELASTICSEARCH_URLS = url
    assert troubles("search") == []


def test_an_engine_that_is_too_old(search_engine, settings):
    enabled(search_engine)
    url = settings.ELASTICSEARCH_URLS
    link.forget()
    with running(LocalServer(Old)) as server:
        settings.ELASTICSEARCH_URLS = [f"http://127.0.0.1:{server.server_port}"]
        found = trouble("search")
        link.forget()
    assert "7.17.0" in found.what and "Elasticsearch 8 or OpenSearch 2" in found.advice
    settings.ELASTICSEARCH_URLS = url
    assert troubles("search") == []


@pytest.mark.parametrize("elsewhere", [True, False])
def test_an_alias_that_leads_elsewhere_or_is_gone(search_engine, elsewhere):
    new_job()
    index = enabled(search_engine)
    if elsewhere:
        search_engine.engine.create_index(search_engine.new_index(77), index_body())
        search_engine.engine.move_alias(search_engine.alias, search_engine.new_index(77), [index.name])
    else:
        search_engine.engine.delete_index(index.name)
    found = trouble("search")
    assert ("leads to" if elsewhere else "is missing") in found.what and found.severity is Severity.CRITICAL
    obey(found.advice)
    assert troubles("search") == []


def test_an_engine_that_is_far_behind(search_engine, monkeypatch):
    enabled(search_engine)
    monkeypatch.setattr("jobs.doctor.search.BEHIND", (0.001, 3600.0))
    new_job()
    found = trouble("search")
    assert "behind, with 1 jobs to be sent" in found.what
    obey(found.advice)
    assert troubles("search") == []


def test_documents_that_the_engine_refuses(search_engine):
    enabled(search_engine)
    job = new_job()
    call_command("search", "sync", verbosity=0)
    past = Now() - timedelta(hours=1)
    SearchRejection.objects.create(job_id=job.pk, version=job.version, error_message="no", retry_at=past)
    found = trouble("search")
    assert "refused the documents of 1 jobs" in found.what
    execute(found.advice.partition(";")[0])
    obey(found.advice)
    assert troubles("search") == []


def test_drift(search_engine):
    index = enabled(search_engine)
    SearchIndex.objects.filter(pk=index.pk).update(reconciled_at=Now() - timedelta(hours=5), missing=3, stale=0)
    found = trouble("search")
    assert "5 hours ago found 3 documents missing, 0 stale, 0 orphaned" in found.what
    obey(found.advice)
    assert troubles("search") == []


def test_an_index_of_another_release(search_engine):
    index = enabled(search_engine)
    SearchIndex.objects.filter(pk=index.pk).update(mapping_version=0)
    found = trouble("search")
    assert f"{index.name} has mapping 0" in found.what
    obey(found.advice)
    assert troubles("search") == []


def test_an_index_that_nobody_goes_on_building(search_engine):
    enabled(search_engine)
    name = search_engine.new_index(2)
    search_engine.engine.create_index(name, index_body())
    SearchIndex.objects.create(name=name, mapping_version=1, loaded_to=uuid7())
    found = trouble("search")
    assert "is half built" in found.what
    obey(found.advice)
    assert troubles("search") == []
    serving = SearchIndex.objects.serving()
    assert serving is not None and serving.name == name
