"""What the tables refuse, whoever writes."""

from uuid import UUID

import pytest
from django.db import Error, connection, transaction

from jobs.models import Job
from tests.jobs.rows import dead_letter, finish, new_job, start

pytestmark = pytest.mark.django_db


NOBODY = UUID(int=0)


def execute(sql, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall() if cursor.description else None


def refused(sql, *arguments):
    """Run it with the deferred constraints checked at once; give the name of the constraint that refuses."""
    with pytest.raises(Error) as caught, transaction.atomic():
        execute(sql, *arguments)
        execute("SET CONSTRAINTS ALL IMMEDIATE")
    diagnosis = caught.value.__cause__.diag
    return diagnosis.constraint_name or diagnosis.column_name or diagnosis.message_primary


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'running'", "job_status_valid"),
        ("status = NULL", "status"),
        ("priority = 101", "job_priority_range"),
        ("priority = -1", "job_priority_range"),
        ("progress = 101", "job_progress_range"),
        ("progress = -1", "job_progress_range"),
        ("attempt = -1", "job_counts_positive"),
        ("retry_count = -1", "job_counts_positive"),
        ("max_retries = -1", "job_counts_positive"),
        ("started_at = now()", "job_pending_not_started"),
        ("status = 'processing'", "job_processing_started"),
        ("status = 'completed'", "job_completed_has_time"),
        ("completed_at = now()", "job_completed_has_time"),
        ("status = 'failed'", "job_failed_has_time"),
        ("status = 'cancelled', failed_at = now()", "job_failed_has_time"),
        ("failed_at = now()", "job_failed_has_time"),
        ("status = 'dead_letter'", "job_failed_has_time"),
        ("status = 'dead_letter', failed_at = now()", "dead_letter_matches_job"),
        ("scheduled_at = '-infinity'", "job_scheduled_at_readable"),
        ("scheduled_at = 'infinity'", "job_scheduled_at_readable"),
        ("waits_for = 'money'", "job_waits_for_valid"),
        ("concurrency_limit = 0", "job_limit_positive"),
        ("rate_limit = 'often'", "job_rate_readable"),
        ("rate_limit = '0/m'", "job_rate_readable"),
        ("payload = NULL", "payload"),
        ("job_type = NULL", "job_type"),
    ],
)
def test_a_pending_job_that_is_none(change, constraint):
    job = new_job()
    assert refused(f"UPDATE job_queue SET {change} WHERE id = %s", job.pk) == constraint


def test_one_unfinished_job_for_a_key():
    new_job("t", unique_key="k")
    assert refused("INSERT INTO job_queue (job_type, unique_key) VALUES ('t', 'k')") == "job_unique_key"
    execute("INSERT INTO job_queue (job_type, unique_key) VALUES ('other', 'k'), ('t', NULL), ('t', NULL)")


def test_one_job_for_a_time_of_a_schedule():
    execute("INSERT INTO job_queue (job_type, schedule_id, scheduled_for) VALUES ('t', %s, '2026-01-01')", NOBODY)
    again = "INSERT INTO job_queue (job_type, schedule_id, scheduled_for) VALUES ('t', %s, '2026-01-01')"
    assert refused(again, NOBODY) == "job_once_per_tick"


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("resolution_status = 'lost'", "dead_letter_resolution_known"),
        ("resolution_status = 'discarded'", "dead_letter_settled_has_time"),
        ("resolved_at = now()", "dead_letter_settled_has_time"),
        ("resolution_status = 'ignored'", "dead_letter_ignored_has_end"),
        ("ignored_until = now()", "dead_letter_ignored_has_end"),
        ("redrive_outcome = 'succeeded', redrive_ended_at = now()", "dead_letter_outcome_of_redrive"),
        ("resolution_status = 'discarded', resolved_at = now()", "dead_letter_matches_job"),
    ],
)
def test_a_letter_and_its_job_part_only_together(change, constraint):
    letter = dead_letter()
    assert refused(f"UPDATE job_dead_letter_queue SET {change} WHERE id = %s", letter.pk) == constraint


def test_a_dead_job_has_its_open_letter():
    letter = dead_letter()
    revive = "UPDATE job_queue SET status = 'pending', failed_at = NULL, started_at = NULL WHERE id = %s"
    assert refused(revive, letter.original_job_id) == "dead_letter_matches_job"
    assert refused("DELETE FROM job_dead_letter_queue WHERE id = %s", letter.pk) == "dead_letter_matches_job"
    another = (
        "INSERT INTO job_dead_letter_queue (original_job_id, job_type, error_fingerprint) VALUES (%s, 'summarize', 'f')"
    )
    assert refused(another, letter.original_job_id) == "dead_letter_one_live_per_job"
    assert refused(another, new_job().pk) == "dead_letter_matches_job"
    with transaction.atomic():
        execute(revive, letter.original_job_id)
        execute(
            "UPDATE job_dead_letter_queue SET resolution_status = 'redriven', resolved_at = now() WHERE id = %s",
            letter.pk,
        )
        execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_dead_job_and_its_letters_go_together():
    letter = dead_letter()
    with transaction.atomic():
        execute("DELETE FROM job_dead_letter_queue WHERE id = %s", letter.pk)
        execute("DELETE FROM job_queue WHERE id = %s", letter.original_job_id)
        execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("act", ["UPDATE job_audit_log SET reason = 'x'", "DELETE FROM job_audit_log"])
def test_the_audit_log_only_grows(act):
    execute("INSERT INTO job_audit_log (actor_name, action, target_type, target_id) VALUES ('a', 'b', 'c', 'd')")
    assert refused(act) == "job_audit_log is append-only"


@pytest.mark.parametrize(
    ("table", "columns", "values"),
    [
        ("job_queue", "job_type", "'t'"),
        ("job_schedules", "name, job_type, schedule_interval", "'n', 't', '{}'"),
        ("job_queues", "name", "'q'"),
        ("job_workers", "id, hostname, pid, concurrency", "'w', 'h', 1, 1"),
        ("job_audit_log", "actor_name, action, target_type, target_id", "'a', 'b', 'c', 'd'"),
        ("job_outcome_counters", "queue, job_type, outcome", "'q', 't', 'o'"),
    ],
)
def test_a_bare_insert_is_a_lawful_row(table, columns, values):
    execute(f"INSERT INTO {table} ({columns}) VALUES ({values})")


def test_defaults_of_a_bare_insert():
    execute("INSERT INTO job_queue (job_type) VALUES ('t')")
    job = Job.objects.get()
    assert job.pk.version == 7
    assert (job.status, job.queue, job.priority, job.max_retries, job.version) == ("pending", "default", 5, 3, 1)
    assert (job.payload, job.metadata, job.tags, job.error_history) == ({}, {}, [], [])
    assert abs((job.scheduled_at - job.created_at).total_seconds()) < 1
    assert not job.is_deleted


# version and updated_at


def versions(job):
    return execute("SELECT version, updated_at FROM job_queue WHERE id = %s", job.pk)[0]


def test_every_write_raises_the_version():
    job = new_job()
    version, moment = versions(job)
    for change in (
        "priority = 9",
        "priority = 9",
        "metadata = '{\"a\": 1}'",
        "version = 1",
        "es_synced_at = now(), priority = 1",
    ):
        execute(f"UPDATE job_queue SET {change} WHERE id = %s", job.pk)
        newer, later = versions(job)
        assert (newer, later > moment) == (version + 1, True), change
        version, moment = newer, later


def test_the_sync_of_the_search_is_no_change():
    job = new_job()
    before = versions(job)
    for change in ("es_sync_version = 1", "es_synced_at = now()", "es_sync_version = 5, es_synced_at = now()"):
        execute(f"UPDATE job_queue SET {change} WHERE id = %s", job.pk)
    assert versions(job) == before


def test_a_claim_and_an_outcome_are_one_write_each():
    job = new_job()
    start(job)
    assert versions(job)[0] == 2
    finish(other := new_job())
    assert versions(other)[0] == 3


def test_tasks_and_schedules_count_their_writes_too():
    job = new_job()
    execute("INSERT INTO job_tasks (job_id, name) VALUES (%s, 'step')", job.pk)
    execute("INSERT INTO job_schedules (name, job_type, schedule_interval) VALUES ('n', 't', '{}')")
    for table in ("job_tasks", "job_schedules"):
        ((version, moment),) = execute(
            f"UPDATE {table} SET payload = '{{}}' RETURNING version, updated_at > created_at"
        )
        assert (version, moment) == (2, True)
    # What firing alone writes is no change to what people see: their version stays good.
    fired = "next_run_at = now(), last_run_at = now(), skipped = 1, last_error = 'e', last_job = id"
    assert execute(f"UPDATE job_schedules SET {fired} RETURNING version") == [(2,)]
    assert execute(f"UPDATE job_schedules SET {fired}, is_active = false RETURNING version") == [(3,)]


def test_what_the_database_is_told_about_itself():
    """Every CHECK and UNIQUE of the queue's two main tables has its case above."""
    tables = "('job_queue'::regclass, 'job_dead_letter_queue'::regclass)"
    names = execute(
        f"SELECT conname FROM pg_constraint WHERE conrelid IN {tables} AND contype = 'c' "
        "UNION SELECT indexrelid::regclass::text FROM pg_index "
        f"WHERE indrelid IN {tables} AND indisunique AND NOT indisprimary"
    )
    with open(__file__) as source:
        text = source.read()
    assert [name for (name,) in names if f'"{name}"' not in text] == []
