"""The database in trouble: found, and gone when the advice was followed."""

from contextlib import suppress

import psycopg
import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from analytics import partitions
from config.roles.declared import ROLES
from jobs.doctor.findings import Severity
from tests.acceptance.conftest import database_url
from tests.jobs.doctor.looking import follow, trouble, troubles
from tests.redis_server import NOBODY, redis_server

alone = pytest.mark.django_db
#: What stands outside of transactions, or sees those of others.
beside = pytest.mark.django_db(transaction=True)


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def other() -> psycopg.Connection:
    return psycopg.connect(database_url(), autocommit=True, application_name="forgotten psql")


@beside
def test_an_old_transaction_holds_back_vacuum(monkeypatch):
    monkeypatch.setattr("jobs.doctor.transactions.LIMITS", (0.0, 3600.0))
    with suppress(psycopg.OperationalError), other() as psql:
        psql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        psql.execute("SELECT count(*) FROM workspaces")
        found = trouble("transactions")
        assert f"Process {psql.info.backend_pid} (forgotten psql of" in found.what
        assert "waits idle in a transaction" in found.what and "vacuum removes nothing" in found.what
        follow(found)
        while troubles("transactions"):
            pass


@alone
def test_without_rights_the_check_says_that_it_sees_nothing():
    from jobs.doctor.checks import checks

    execute("CREATE ROLE nobody_in_particular; SET LOCAL ROLE nobody_in_particular")
    *_, found = checks["transactions"].look()
    assert found.severity is Severity.UNKNOWN and found.advice == "GRANT pg_monitor TO nobody_in_particular;"
    execute("RESET ROLE; GRANT pg_monitor TO nobody_in_particular; SET LOCAL ROLE nobody_in_particular")
    assert all(found.severity is not Severity.UNKNOWN for found in checks["transactions"].look())


@beside
def test_a_replication_slot_that_nobody_reads():
    with other() as psql:
        name = f"forgotten_{psql.info.backend_pid}"
        psql.execute("SELECT pg_create_physical_replication_slot(%s, true)", [name])
    found = next(each for each in troubles("slots") if name in each.what)
    follow(found)
    assert not any(name in each.what for each in troubles("slots"))


@alone
def test_autovacuum_switched_off_for_a_table():
    execute("ALTER TABLE job_queue SET (autovacuum_enabled = false)")
    # Others may have dead rows, after all the tests before this one: as many as are critical, too.
    found = next(each for each in troubles("vacuum") if "switched off for job_queue" in each.what)
    assert found.severity is Severity.CRITICAL
    follow(found)
    assert not any("switched off" in each.what for each in troubles("vacuum"))


@beside
def test_dead_rows(monkeypatch):
    monkeypatch.setattr("jobs.doctor.vacuum.FEWEST_DEAD", 500)
    execute("INSERT INTO workspaces (name) SELECT 'w' || n FROM generate_series(1, 600) n")
    execute("DELETE FROM workspaces")
    execute("SELECT pg_stat_force_next_flush()")
    found = next(each for each in troubles("vacuum") if each.what.startswith("workspaces"))
    assert "600 dead rows to 0 live ones" in found.what
    execute(found.advice.partition(";")[0])
    execute("SELECT pg_stat_force_next_flush()")
    assert not any(each.what.startswith("workspaces") for each in troubles("vacuum"))


@alone
def test_the_distance_to_the_end_of_transaction_ids(monkeypatch):
    assert troubles("wraparound") == []
    monkeypatch.setattr("jobs.doctor.wraparound.AGES", (1.0, 2.0))
    assert trouble("wraparound").severity is Severity.CRITICAL


@alone
def test_connections_that_run_out(monkeypatch):
    monkeypatch.setattr("jobs.doctor.connections.SHARES", (0.0, 2.0))
    assert "connections are used (" in trouble("connections").what


@alone
def test_the_queue_of_notifications(monkeypatch):
    monkeypatch.setattr("jobs.doctor.notifications.SHARES", (0.0005, 0.5))
    with suppress(psycopg.OperationalError), other() as listener, other() as sender:
        listener.execute("LISTEN doctor")
        listener.execute("BEGIN")
        listener.execute("SELECT 1")
        sender.execute("SELECT pg_notify('doctor', n || repeat('x', 7900)) FROM generate_series(1, 1500) n")
        found = trouble("notifications")
        assert "pg_terminate_backend" in found.advice
        sender.execute("SELECT pg_terminate_backend(%s, 10000)", [listener.info.backend_pid])
        while troubles("notifications"):
            pass


@alone
def test_settings_that_lose_data():
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        off = cursor.fetchone()[0] == "off"
    # The tests' own server forgets on purpose.
    assert any("fsync is off" in found.what for found in troubles("server")) is off
    execute("SET LOCAL synchronous_commit = off")
    assert any("synchronous_commit is off" in found.what for found in troubles("server"))


@beside
def test_an_index_that_is_missing_or_invalid():
    execute("DROP INDEX job_tags")
    found = trouble("indexes")
    assert "The index job_tags of job_queue is missing" in found.what and "CONCURRENTLY" in found.advice
    follow(found)
    assert troubles("indexes") == []
    execute("INSERT INTO workspaces (name) VALUES ('a'), ('b')")
    with suppress(Exception):
        execute("CREATE UNIQUE INDEX CONCURRENTLY half_built ON workspaces ((1))")
    found = trouble("indexes")
    assert "half_built of workspaces is invalid" in found.what
    follow(found)
    assert troubles("indexes") == []


@alone
def test_a_unique_index_that_is_missing():
    execute("DROP INDEX job_once_per_tick")
    found = trouble("indexes")
    assert found.severity is Severity.CRITICAL and "the same may be stored twice" in found.what
    follow(found)
    assert troubles("indexes") == []


@alone
def test_a_sequence_near_its_end():
    execute("ALTER SEQUENCE job_lock_token_seq MAXVALUE 1000000000 RESTART 950000000")
    execute("SELECT nextval('job_lock_token_seq')")
    found = trouble("sequences")
    assert "job_lock_token_seq is at 950,000,000, 95%" in found.what
    follow(found)
    assert troubles("sequences") == []


@alone
def test_a_migration_that_has_not_run():
    last = MigrationRecorder(connection).Migration.objects.filter(app="analytics").latest("id")
    last.delete()
    found = trouble("schema")
    assert f"analytics.{last.name}" in found.what and found.advice == "manage.py migrate"


@alone
def test_row_security_switched_off(django_db_setup):
    execute("ALTER TABLE articles DISABLE ROW LEVEL SECURITY")
    found = next(each for each in troubles("roles") if "articles" in each.what)
    assert found.severity is Severity.CRITICAL
    follow(found)
    assert not any("articles" in each.what for each in troubles("roles"))


@alone
def test_a_right_that_is_missing(database_roles):
    assert len(ROLES) == 6 and troubles("roles") == []
    execute("REVOKE SELECT ON job_queue FROM ekiden_readonly")
    found = trouble("roles")
    assert "GRANT SELECT ON public.job_queue TO ekiden_readonly" in found.what
    assert found.advice == "manage.py setup_roles"


@alone
def test_partitions_that_are_missing():
    partitions.create_ahead()
    assert troubles("partitions") == []
    names = [each.name for each in partitions.existing() if each.parent == "error_logs"]
    for name in names:
        execute(f"DROP TABLE {name}")
    now, ahead = troubles("partitions")
    assert now.severity is Severity.CRITICAL and "error_logs has no partition for now" in now.what
    assert "0 whole months ahead" in ahead.what and ahead.advice == "manage.py partitions --ahead 3"
    partitions.create_ahead()
    assert troubles("partitions") == []


@alone
def test_a_partition_left_by_an_interrupted_drop():
    partitions.create_ahead()
    name = max(each.name for each in partitions.existing() if each.parent == "error_logs")
    execute(f"COMMENT ON TABLE {name} IS 'ekiden: old, to be dropped'")
    execute(f"ALTER TABLE error_logs DETACH PARTITION {name}")
    assert any(name in found.what for found in troubles("partitions"))
    execute(f"DROP TABLE {name}")
    assert not any(name in found.what for found in troubles("partitions"))


def test_a_redis_that_does_not_answer(settings, tmp_path):
    settings.REDIS_URL = NOBODY
    assert "Redis does not answer" in trouble("redis").what
    with redis_server(tmp_path) as url:
        settings.REDIS_URL = url
        assert troubles("redis") == []
    settings.REDIS_URL = ""
    assert troubles("redis") == []


def test_a_disk_that_is_full(monkeypatch):
    assert all(found.severity is Severity.WARN for found in troubles("disk"))
    monkeypatch.setattr("jobs.doctor.disk.BYTES", (1e18, 1e17))
    found = troubles("disk")[0]
    assert found.severity is Severity.CRITICAL and "GB" in found.what
