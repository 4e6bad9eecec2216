"""The database's roles, made in the test database as `manage.py setup_roles` makes them.

Roles belong to the whole server, which several runs may share: they are made and never dropped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connections

from accounts import row_security
from config.roles.declared import APP
from config.roles.setting_up import set_up

_LOCK = 0x726F6C6573


@pytest.fixture(scope="session")
def database_roles(django_db_setup: None, django_db_blocker: Any) -> None:
    """Have the roles in the server, and their rights in the test database, for all tests that come."""
    # Advisory locks are of one database: all runs meet in this one.
    with django_db_blocker.unblock(), psycopg.connect(**parameters(dbname="postgres"), autocommit=True) as meeting:
        meeting.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        set_up({}, trusted=True)


def parameters(**changed: Any) -> dict[str, Any]:
    """What libpq needs to reach the test database, as the superuser unless told otherwise."""
    known = ("user", "password", "host", "port", "dbname")
    given = {name: value for name, value in connections["default"].get_connection_params().items() if name in known}
    return {**given, **changed}


@contextmanager
def working_as(role: str) -> Iterator[None]:
    """Let this thread's connection work as the role, with none of the superuser's rights."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
        try:
            yield
        finally:
            if not connections["default"].needs_rollback:
                cursor.execute("RESET ROLE")


@pytest.fixture
def handlers_as_app(database_roles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever names an actor work as the web process's role, while the test itself stays the superuser."""
    become = row_security._become

    def become_in_role(actor: row_security.Actor, connection: Any) -> None:
        # Past Django, which counts the queries of some tests.
        connection.ensure_connection()
        ends = actor == row_security.NOBODY and row_security._actor(connection) == actor
        connection.connection.execute(f"SET LOCAL ROLE {'none' if ends else APP}")
        become(actor, connection)

    monkeypatch.setattr(row_security, "_become", become_in_role)
