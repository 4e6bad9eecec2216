"""Lists cost the same with any history: no scan of the job table, no uncapped count, a fixed number of queries."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.admin.box import read
from jobs.admin.paging import CAP
from jobs.admin.searching import MOST, Answer
from jobs.models import Job
from jobs.search.language.parsing import parse
from tests.jobs.rows import dead_letter, new_job, start

_HISTORY = """
INSERT INTO job_queue (id, job_type, queue, status, payload, tags, started_at, completed_at, created_at, scheduled_at)
SELECT ekiden_uuid7(), 'summarize', 'default', 'completed', '{"content": "text"}',
       CASE WHEN n % 1000 = 0 THEN ARRAY['rare'] ELSE '{}' END, now(), now(), now(), now()
FROM generate_series(1, 100000) n;
-- Foreign-key checks of earlier tests in this session were planned for an empty table.
ANALYZE job_queue;
INSERT INTO job_dead_letter_queue
    (original_job_id, job_type, payload, error_fingerprint, error_class, resolution_status, resolved_at)
SELECT id, job_type, payload, md5((random() * 100)::integer::text), 'ValueError', 'discarded', now()
FROM job_queue LIMIT 20000;
INSERT INTO job_audit_log (actor_name, action, target_type, target_id)
SELECT 'operator-1', 'discarded', 'job', id FROM job_queue LIMIT 20000;
INSERT INTO sessions (request_id, language_title, status, expires_at)
SELECT ekiden_uuid7()::text, 'python-summarize', 'closed', now() FROM generate_series(1, 20000);
INSERT INTO articles (id, stage, text) SELECT ekiden_uuid7(), 'extracted', 'text' FROM generate_series(1, 20000);
INSERT INTO article_summaries (id, article_id, text, provider, reasons)
SELECT ekiden_uuid7(), id, 'text', 'groq', '[]' FROM articles;
-- Most of them a month old: an outcome is looked for in the last day.
INSERT INTO ai_calls (id, provider, purpose, outcome, day, expires_at)
SELECT (lpad(to_hex((extract(epoch FROM now() - interval '30 days') * 1000)::bigint), 12, '0')
        || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, 'groq', 'summary', 'answered', now(), now()
FROM generate_series(1, 20000) n
"""

LISTS = [
    ("job", {}),
    ("job", {"before": "7fffffff-0000-7000-8000-000000000000"}),
    ("job", {"after": "01900000-0000-7000-8000-000000000000", "status": "completed"}),
    ("job", {"from": "2026-01-01T00:00", "to": "2099-01-01T00:00"}),
    ("job", {"status": "cancelled", "columns": ["took", "due"]}),
    ("job", {"status": "completed"}),
    ("job", {"status": "pending"}),
    ("job", {"status": "processing"}),
    ("job", {"status": "failed"}),
    ("job", {"status": "dead_letter", "window": "24h"}),
    ("job", {"type": "summarize", "queue": "default"}),
    ("job", {"window": "1h"}),
    ("job", {"q": "rare"}),
    ("job", {"q": "status:failed OR status:dead_letter"}),
    ("job", {"q": "tags:rare AND NOT job_type:x", "status": "completed"}),
    ("job", {"q": "project_name:x* created_at:>=now-1h"}),
    ("job", {"q": "text", "window": "1h"}),
    ("job/complete", {"q": "project_name:", "at": "13"}),
    ("job/complete", {"q": "metadata.x:", "at": "11"}),
    ("savedsearch", {}),
    ("searchindex", {}),
    ("searchrejection", {}),
    ("job", {"deleted": "yes"}),
    ("job", {"q": "01900000"}),
    ("deadletter", {}),
    ("deadletter", {"resolution": "all"}),
    ("deadletter", {"group": "x"}),
    ("deadlettergroup", {}),
    ("processinglock", {}),
    ("worker", {}),
    ("queue", {}),
    ("schedule", {}),
    ("schedule", {"state": "failing", "deleted": "yes"}),
    ("session", {}),
    ("session", {"status": "active", "window": "24h"}),
    ("session", {"q": "x"}),
    ("article", {}),
    ("article", {"stage": "extracted", "window": "24h"}),
    ("summary", {}),
    ("summary", {"verdict": "open", "provider": "groq"}),
    ("auditentry", {}),
    ("auditentry", {"q": "x"}),
    ("supervisor", {}),
    ("supervisor", {"state": "alive"}),
    ("providercall", {}),
    ("providercall", {"window": "24h"}),
    ("providercall", {"outcome": "refused"}),
]


@pytest.fixture(scope="module")
def history(django_db_setup, django_db_blocker):
    """A hundred thousand finished jobs beside a few live ones, with the statistics that autovacuum would make."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(_HISTORY)
            for _ in range(3):
                dead_letter()
                new_job()
                start(new_job())
            cursor.execute(
                "VACUUM ANALYZE job_queue, job_dead_letter_queue, job_processing_locks, job_audit_log, sessions,"
                " articles, article_summaries, ai_calls"
            )
        yield
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE job_queue, job_processing_locks, job_dead_letter_groups, job_audit_log, sessions, articles,"
                " ai_calls CASCADE"
            )


def captured(client, name, params):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(f"/admin/jobs/{name}/" if name else "/admin/", params)
    assert response.status_code in {200, 302}, (name, params)
    return [query["sql"] for query in queries.captured_queries]


def plan(sql):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(("name", "params"), [*LISTS, ("", {})])
def test_list_reads_no_history(operator, name, params):
    queries = [
        sql
        for sql in captured(operator, name, params)
        if any(table in sql for table in ("job_", '"sessions"', '"articles"', '"article_summaries"', '"ai_calls"'))
        and sql.startswith(("SELECT", "WITH", "\n"))
    ]
    assert queries
    for sql in queries:
        shown = plan(sql)
        assert not re.search(
            r"Seq Scan on (job_(queue|dead_letter_queue|audit_log)|sessions|article\w*|ai_calls)\b", shown
        ), f"{sql}\n{shown}"
        if "COUNT(" in sql and "job_queue" in sql:
            assert "LIMIT 10001" in sql, sql


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    "name",
    [
        "job",
        "searchindex",
        "deadletter",
        "deadlettergroup",
        "processinglock",
        "worker",
        "queue",
        "session",
        "article",
        "auditentry",
        "",
    ],
)
def test_number_of_queries_does_not_grow_with_the_rows(operator, name):
    # The first visit of a minute is noted.
    captured(operator, name, {})
    before = len(captured(operator, name, {}))
    for _ in range(5):
        dead_letter()
        start(new_job(queue="another"))
    assert len(captured(operator, name, {})) == before


@pytest.mark.usefixtures("history")
def test_what_the_engine_named_is_read_by_the_primary_key():
    ids = list(Job.objects.order_by("-id").values_list("pk", flat=True)[:MOST])
    assert len(ids) == MOST
    for tree in (parse("text"), parse("status:failed AND project_name:x")):
        found = Answer(tree, ids).narrow(Job.objects.filter(is_deleted=False).order_by("-id"))
        for rows in (found[:50], found.values("pk")[: CAP + 1]):
            shown = rows.explain()
            assert "job_queue_pkey" in shown and "Seq Scan" not in shown, shown


@pytest.mark.usefixtures("history")
def test_a_tag_is_looked_up_by_its_index():
    with CaptureQueriesContext(connection) as queries:
        read("rare")
    (asked,) = queries.captured_queries
    assert "job_tags" in plan(asked["sql"])


@pytest.mark.usefixtures("history")
def test_count_stops_at_the_cap(operator):
    text = operator.get("/admin/jobs/deadletter/", {"resolution": "all"}).content.decode()
    assert "more than 10000 dead letters" in text
    assert not [sql for sql in captured(operator, "job", {}) if "COUNT(" in sql and "job_queue" in sql]


@pytest.mark.usefixtures("history")
def test_a_list_that_takes_too_long_says_so(operator, monkeypatch):
    monkeypatch.setattr("jobs.admin.facts.LIST_TIMEOUT", "1ms")
    response = operator.get("/admin/jobs/job/", {"type": "nothing"})
    assert response.status_code == 503
    assert "Last hour" in response.content.decode()
    query = {"q": "nothing has this"}
    slow = operator.get("/admin/jobs/job/", query)
    text = slow.content.decode()
    assert slow.status_code == 503 and "?q=nothing+has+this&amp;window=1h" in text
    # An operation that finds them piece by piece is asked about without the list.
    assert operator.get("/admin/jobs/job/many/cancel/", query).status_code == 200
