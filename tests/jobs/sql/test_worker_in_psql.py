"""The SQL interface as a worker in another language uses it, on the newest PostgreSQL and on the oldest one."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL, SeparateDatabaseAndState

import jobs
from accounts.migration_operations import RunSQLFile
from tests import debian_postgresql
from tests.debian_postgresql import DebianServer
from tests.jobs.sql.psql import psql

SCRIPT = Path(__file__).parent / "worker.sql"
SAID = """\
same key t
rolled back t
waiting 4
paused {"n": 1}
given back 1
attempt not counted 0 pending
other type 0
one queue {"n": 2} images 1 0 1 30
batch 1,3
empty 0
renewed t f
ends later t
wrong token f
completed t
twice f
result completed {"done": true} 100 t
first failure pending
waits t 1
not yet 0
second failure dead_letter
too late t
dead letter resize {"n": 2} Timeout 2 1
hopeless dead_letter
own wait pending
an hour t
rescued 1 0
uses a retry pending 2 LostWorker psql-1
new token t
late renewal f
late outcome f
late failure t
right outcome t
in the end completed 3 t
key is free t
any type killer,mail
buried t
killer dead_letter LostWorker
locks left 0
""".splitlines()


@pytest.mark.django_db(transaction=True)
def test_a_worker_in_psql():
    assert psql(SCRIPT) == SAID


@pytest.fixture(scope="module")
def oldest() -> Iterator[DebianServer]:
    with debian_postgresql.running(shared_preload_libraries="''") as server:
        server.create_database("relay")
        yield server


#: The functions of this app, in all their versions.
OURS_IN_SQL = {
    re.sub(r"_\d$", "", path.stem) for path in (Path(jobs.__file__).parent / "sql" / "functions").glob("*.sql")
}


@pytest.mark.slow
def test_the_same_on_postgresql_15_and_the_way_back(oldest):
    def migrate(*arguments: str) -> None:
        ran = oldest.manage("relay", "migrate", "-v0", *arguments)
        assert ran.returncode == 0, ran.stderr

    migrate()
    assert psql(SCRIPT, host=str(oldest.home), user="postgres", dbname="relay") == SAID
    migrate("jobs", "zero")
    with oldest.connect("relay") as db:
        left = "SELECT proname FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'meta'::regnamespace)"
        tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'job%'"
        assert not {name for (name,) in db.execute(left)} & OURS_IN_SQL
        assert db.execute(tables).fetchall() == []
    migrate()
    assert psql(SCRIPT, host=str(oldest.home), user="postgres", dbname="relay") == SAID


# In an order of their own: the processes of a parallel run must agree on it.
OURS = sorted(key for key in MigrationLoader(None).disk_migrations if key[0] in {"accounts", "jobs", "analytics"})


#: Operations that neither wait behind others for long while others wait behind them, nor take strong locks.
HARMLESS = (AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint, RunSQLFile)


def blocking(operations):
    """Give the operations of a stepwise migration that would keep others waiting while they wait."""
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from blocking(operation.database_operations)
        elif isinstance(operation, RunSQL) and not isinstance(operation, RunSQLFile):
            if not all(" CONCURRENTLY " in each for each in (operation.sql, operation.reverse_sql)):
                yield operation
        elif not isinstance(operation, HARMLESS) and not operation.__module__.endswith("online_migrations"):
            yield operation


@pytest.mark.django_db
@pytest.mark.parametrize(("app", "name"), OURS)
@pytest.mark.parametrize("backwards", [False, True])
def test_every_migration_waits_for_locks_a_bounded_time(app, name, backwards):
    """A migration that queues behind a long query blocks everyone behind it, unless it blocks nobody at all."""
    migration = MigrationLoader(connection).get_migration(app, name)
    if not migration.atomic:
        assert not list(blocking(migration.operations))
        return
    out = StringIO()
    call_command("sqlmigrate", app, name, backwards=backwards, no_color=True, stdout=out)
    code = [row for row in out.getvalue().splitlines() if row and not row.startswith("--")]
    assert any("SET LOCAL lock_timeout" in row for row in code[:2]), code[:3]
