"""Whether a web process works with rights that no row-level security binds, which it is told of once."""

import logging
import threading
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.signals import connection_created

#: Why the rows of all users are open to this connection; nothing when they are not.
UNBOUND: Final = """
SELECT current_user::text, CASE
    WHEN r.rolsuper THEN 'is a superuser'
    WHEN r.rolbypassrls THEN 'has BYPASSRLS'
    WHEN pg_has_role(c.relowner, 'USAGE') THEN 'owns the tables'
END
FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('meta.users') WHERE r.rolname = current_user
"""
ADVICE: Final = "Run manage.py setup_roles and give the web process APP_DATABASE_URL (docs/security.md)."

_logger = logging.getLogger(__name__)
_lock = threading.Lock()
_looked = False


def what_is_wrong(connection: Any) -> str:
    """Say why row-level security does not bind this connection, in one sentence; '' when it does."""
    with connection.cursor() as cursor:
        cursor.execute(UNBOUND)
        role, why = cursor.fetchone()
    return f"The web process's role {role} {why}, so that row-level security does not bind it." if why else ""


def watch() -> None:
    """In a web process, look at its first connection and log what is wrong with it."""
    if settings.PROCESS == "web":
        connection_created.connect(_look, dispatch_uid="config.roles.own_role")


def _look(connection: Any, **signal: Any) -> None:
    global _looked
    with _lock:
        if _looked or connection.alias != DEFAULT_DB_ALIAS:
            return
        _looked = True
    if wrong := what_is_wrong(connection):
        _logger.error("%s %s", wrong, ADVICE)


@checks.register(checks.Tags.database)
def check_own_role(databases: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse a web process that would work as a superuser or as the tables' owner."""
    if settings.PROCESS != "web" or DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    wrong = what_is_wrong(connections[DEFAULT_DB_ALIAS])
    return [checks.Error(wrong, hint=ADVICE, id="config.E001")] if wrong else []
