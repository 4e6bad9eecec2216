"""The way there and back, on a database of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlencode

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from accounts.migration_operations import LockTimeout

NAME = f"{os.environ.get('TEST_DB_NAME', 'test_ekiden')}_migrations"


@pytest.fixture
def database(django_db_blocker) -> Iterator[dict[str, str]]:
    known = ("user", "password", "host", "port")
    server = {k: str(v) for k, v in connection.get_connection_params().items() if k in known and v}
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{NAME}"')
        admin.execute(f'CREATE DATABASE "{NAME}"')
        yield {"dbname": NAME, **server}
        admin.execute(f'DROP DATABASE "{NAME}" WITH (FORCE)')


def migrate(database, *arguments):
    url = f"postgresql:///?{urlencode(database)}"
    command = [sys.executable, "manage.py", "migrate", "-v0", *arguments]
    subprocess.run(command, cwd=settings.BASE_DIR, env={**os.environ, "DATABASE_URL": url}, check=True, timeout=110)


def objects(database):
    """Name everything that stands in our schemas, as a new connection finds it."""
    with psycopg.connect(**database) as connection:
        path = connection.execute("SHOW search_path").fetchone()
        rows = connection.execute(
            "SELECT nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname IN ('public', 'meta', 'analytics') AND relkind IN ('r', 'v', 'm', 'S') "
            "UNION ALL SELECT nspname || '.' || proname || '()' "
            "FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace "
            "WHERE nspname IN ('public', 'meta', 'analytics')"
        ).fetchall()
    return path[0], {row[0] for row in rows}


@pytest.mark.slow
def test_everything_can_be_taken_back_and_done_again(database):
    migrate(database)
    path, there = objects(database)
    assert path == "public, meta, analytics"
    assert {"meta.users", "meta.users_groups", "public.workspaces", "public.ekiden_uuid7()"} <= there
    migrate(database, "accounts", "zero")
    path, back = objects(database)
    assert path == '"$user", public'
    assert not {name for name in back if name.startswith(("meta.", "analytics.")) or "ekiden" in name or "job" in name}
    migrate(database)
    assert objects(database)[1] == there


@pytest.mark.django_db(transaction=True)
def test_lock_timeout_ends_with_the_migration():
    operation = LockTimeout("3s")
    with connection.schema_editor(atomic=True) as editor:
        operation.database_forwards("accounts", editor, None, None)
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("3s",)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() != ("3s",)
