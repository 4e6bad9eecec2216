"""The database's roles, made in the test database as `manage.py setup_roles` makes them.

Roles belong to the whole server, which several runs may share: they are made and never dropped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connections

from config.roles.setting_up import set_up

_LOCK = 0x726F6C6573


def make_roles() -> None:
    """Bring the roles in step, one run at a time."""
    # Advisory locks are of one database: all runs meet in this one.
    with psycopg.connect(**{**parameters(), "dbname": "postgres"}, autocommit=True) as meeting:
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
