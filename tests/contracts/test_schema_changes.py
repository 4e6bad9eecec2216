"""This release's migrations run while the previous release works: nobody waits long, forwards and backwards.

Held on a database of its own that has the previous release's schema and 20,000 jobs.
"""

import os
import re
import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.db.migrations.loader import MigrationLoader

from accounts.migration_operations import LockTimeout
from config.schema_version import OUR_APPS
from tests.markdown import ROOT

NAME = f"{os.environ.get('TEST_DB_NAME') or 'test_ekiden'}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_changes"
#: The newest migrations of the release before this one.
PREVIOUS = {"analytics": "zero", "jobs": "0004", "accounts": "0002"}
#: Far above what a statement waits here, on a machine that does other things as well, and below what a caller would
#: give up after.
LONGEST = 10.0

FILL = """
INSERT INTO job_queue (job_type, payload, status, completed_at, started_at)
SELECT 'summarize', jsonb_build_object('n', n), state, CASE state WHEN 'completed' THEN now() END,
       CASE state WHEN 'completed' THEN now() END
FROM generate_series(1, 20000) AS n, LATERAL (SELECT CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'pending' END AS state)
"""
READ = "SELECT count(*) FROM (SELECT FROM job_queue WHERE status = 'pending' LIMIT 1000), meta.users"
WRITE = (
    "INSERT INTO job_queue (job_type, payload) VALUES ('summarize', '{}')",
    "UPDATE job_queue SET priority = 6 WHERE id = (SELECT id FROM job_queue WHERE status = 'pending' LIMIT 1)",
    "UPDATE meta.users SET name = 'Mei' WHERE user_id = 'mei'",
)


class Traffic:
    """A reader and a writer that go on until the end of the block, and how long their statements took."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.ending = threading.Event()
        self.seconds = {"reader": [], "writer": []}
        self.failures = []

    def __enter__(self):
        self.threads = [
            threading.Thread(target=self._work, args=("reader", [READ])),
            threading.Thread(target=self._work, args=("writer", WRITE)),
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def _work(self, who, statements):
        try:
            with psycopg.connect(**self.parameters, autocommit=True) as database:
                while not self.ending.is_set():
                    for statement in statements:
                        began = time.monotonic()
                        database.execute(statement)
                        self.seconds[who].append(time.monotonic() - began)
        except psycopg.Error as exc:
            self.failures.append(f"{who}: {exc}")


@pytest.fixture
def previous(django_db_blocker):
    """Django's connection, on a database with the schema of the release before, for as long as the test."""
    known = ("user", "password", "host", "port")
    with django_db_blocker.unblock(), _elsewhere():
        server = {key: value for key, value in connection.get_connection_params().items() if key in known and value}
        with psycopg.connect(dbname="postgres", autocommit=True, **server) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{NAME}" WITH (FORCE)')
            admin.execute(f'CREATE DATABASE "{NAME}"')
            migrate("accounts", PREVIOUS["accounts"])
            migrate("jobs", PREVIOUS["jobs"])
            with connection.cursor() as cursor:
                cursor.execute(FILL)
                cursor.execute("INSERT INTO meta.users (user_id) VALUES ('mei')")
                cursor.execute("ANALYZE")
            yield {"dbname": NAME, **server}
            connection.close()
            admin.execute(f'DROP DATABASE "{NAME}" WITH (FORCE)')


@contextmanager
def _elsewhere():
    connection.close()
    usual = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = NAME
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def migrate(*target):
    call_command("migrate", *target, verbosity=0, interactive=False)


@pytest.mark.skipif(len(list(connections)) > 1, reason="not for a run with two databases")
class TestInFlight:
    def test_reader_and_writer_go_on_forwards_and_backwards(self, previous):
        with Traffic(previous) as traffic:
            migrate()
            for app, name in PREVIOUS.items():
                migrate(app, name)
        assert traffic.failures == []
        for seconds in traffic.seconds.values():
            assert len(seconds) > 50 and max(seconds) < LONGEST

    def test_behind_a_long_transaction_a_migration_gives_up_and_is_run_again(self, previous, monkeypatch):
        for migration in MigrationLoader(connection).disk_migrations.values():
            for operation in migration.operations:
                if isinstance(operation, LockTimeout):
                    monkeypatch.setattr(operation, "timeout", "300ms")
        with psycopg.connect(**previous) as report:
            report.execute("SELECT count(*) FROM job_queue, meta.users")
            with Traffic(previous) as traffic:
                with pytest.raises(OperationalError, match="lock timeout"):
                    migrate()
        assert traffic.failures == [] and max(map(max, traffic.seconds.values())) < LONGEST
        migrate()
        call_command("migrate", check_unapplied=True, verbosity=0)


@pytest.mark.parametrize(
    "migration",
    [migration for (app, _), migration in sorted(MigrationLoader(None).disk_migrations.items()) if app in OUR_APPS],
    ids=str,
)
def test_every_migration_waits_for_locks_only_so_long_both_ways(migration):
    """Stepwise operations, in a migration that is not one transaction, bound their waits themselves."""
    if migration.atomic:
        assert isinstance(migration.operations[0], LockTimeout) and isinstance(migration.operations[-1], LockTimeout)


def test_the_page_about_it_names_operations_that_exist():
    imports = re.findall(r"^ *(from \S+ import .+)$", (ROOT / "docs" / "schema-changes.md").read_text(), re.MULTILINE)
    assert len(imports) >= 5
    for line in imports:
        exec(line, {})
