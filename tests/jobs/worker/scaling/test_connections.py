"""How many processes PostgreSQL has connections for, asked of a real one under real limits."""

import contextlib
import os

import psycopg
import pytest
from django.db import connection

from jobs.models import Worker
from jobs.worker.scaling.connections import FIXED, connection_name, needed, room_for

pytestmark = pytest.mark.django_db

#: Roles belong to the server: two runs of the tests at once must not share one.
ROLE = f"limited_{os.getpid()}"
ME = "host:1:abcd1234"


@pytest.fixture
def limited(django_db_setup, django_db_blocker):
    """Work as a role that is no superuser and may have 70 connections."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT 70 IN ROLE pg_read_all_data")
        cursor.execute(f"SET SESSION AUTHORIZATION {ROLE}")
        yield cursor
        cursor.execute("RESET SESSION AUTHORIZATION")
        cursor.execute(f"DROP ROLE {ROLE}")


def left() -> int:
    """Count the connections that are left, by processes that need one each."""
    with connection.cursor() as cursor:
        # Within one transaction, as tests are, a look at the activity is not taken twice.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
    return room_for(ME, 1 - FIXED, 30.0)


def set_limit(cursor, statement: str) -> None:
    cursor.execute("RESET SESSION AUTHORIZATION")
    cursor.execute(statement)
    cursor.execute(f"SET SESSION AUTHORIZATION {ROLE}")


def connect(name: str, **role: str) -> psycopg.Connection:
    parameters = connection.get_connection_params()
    known = {key: parameters[key] for key in ("host", "port", "user", "password", "dbname") if parameters.get(key)}
    return psycopg.connect(**{**known, **role}, application_name=name)


def test_a_superuser_is_bound_by_the_server_alone():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
            " - coalesce(current_setting('reserved_connections', true)::int, 0), (SELECT count(*) FROM pg_stat_activity"
            " WHERE datid IS NOT NULL)"
        )
        most, used = cursor.fetchone()
    # Others may come and go meanwhile.
    assert abs(left() - (most - used)) < 20


def test_the_limit_of_the_role_the_database_and_what_ours_already_have(limited):
    role = left()
    assert role == 70
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (database,) = cursor.fetchone()
    set_limit(limited, f"ALTER DATABASE {database} CONNECTION LIMIT 40")
    # This one is of the database, and is not ours by its name.
    assert left() == 39
    set_limit(limited, f"ALTER ROLE {ROLE} CONNECTION LIMIT 20")
    assert left() == 20
    set_limit(limited, f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
    set_limit(limited, f"ALTER DATABASE {database} CONNECTION LIMIT -1")
    assert left() > 70


def test_others_take_room_and_ours_do_not():
    before = left()
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(connect("ekiden-web"))
        assert before - left() >= 20
        for _ in range(30):
            stack.enter_context(connect(connection_name(ME)))
        assert before - left() < 60


def test_what_other_workers_may_still_want_is_left_to_them():
    before = left()
    worker = {"hostname": "h", "pid": 1, "concurrency": 50}
    Worker.objects.create(id="other", **worker)
    Worker.objects.create(id="mine", supervisor=ME, **worker)
    Worker.objects.create(id="over", stopped_at="2026-01-01T00:00Z", **worker)
    assert abs(before - left() - needed(50)) < 15


def test_processes_are_counted_by_what_each_may_need():
    assert needed(5) == 5 + FIXED
    assert abs(room_for(ME, 5, 30.0) - left() // needed(5)) <= 1
