"""Making the roles, and bringing what they may do in step with this release."""

from collections.abc import Mapping
from typing import Any, Final, cast

import psycopg
from django.db import InternalError, ProgrammingError, connections, transaction

from config.exceptions import RolesNotMade
from config.roles import attributes, rights
from config.roles.attributes import Caller, Report, password_variable

#: Roles belong to the whole server: two databases of it that are set up at once run into each other.
TRIES: Final = 5
OWNER: Final = "SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'django_migrations'"


def set_up(passwords: Mapping[str, str], *, trusted: bool = False, dry_run: bool = False) -> Report:
    """Bring the roles of every database of this installation in step; return what that took.

    Each database is changed in one transaction. A dry run takes it back, so that what cannot be done shows as well.
    Raises RolesNotMade.
    """
    report = Report()
    for alias in connections:
        _set_up(alias, passwords, trusted, dry_run, report)
    return report


def _set_up(alias: str, passwords: Mapping[str, str], trusted: bool, dry_run: bool, report: Report) -> None:
    for attempt in range(TRIES):
        found = Report()
        try:
            with transaction.atomic(using=alias):
                _bring_in_step(alias, passwords, trusted, found)
                transaction.set_rollback(dry_run, using=alias)
        except ProgrammingError as exc:
            raise RolesNotMade(f"The roles could not be set up: {_first_line(exc)}.") from exc
        except InternalError:
            # "tuple concurrently updated": somebody else changed the same role.
            if attempt == TRIES - 1:
                raise
            continue
        report.statements += found.statements
        report.warnings += [warning for warning in found.warnings if warning not in report.warnings]
        return


def _bring_in_step(alias: str, passwords: Mapping[str, str], trusted: bool, report: Report) -> None:
    connection = connections[alias]
    with connection.cursor() as looking, connection.cursor() as doing:
        doing.execute("SET LOCAL lock_timeout = '5s'")
        caller = Caller.of(connection, looking)
        looking.execute(OWNER)
        row = looking.fetchone()
        if row is None:
            raise RolesNotMade("There are no tables yet: run manage.py migrate first.")
        (owner,) = row
        looking.execute("SELECT quote_ident(current_database()), quote_ident(%s)", [owner])
        database, quoted_owner = looking.fetchone()

        def do(sql: str, shown: str | None = None) -> None:
            doing.execute(sql)
            report.statements.append(shown or sql)

        for sql in attributes.missing(looking, caller, owner, passwords, trusted, report):
            do(sql)
        for role, password in passwords.items():
            do(*_with_password(connection, role, password))
        for sql in attributes.settings(looking, database):
            do(sql)
        for sql in rights.missing(looking, quoted_owner):
            do(sql)


def _with_password(connection: Any, role: str, password: str) -> tuple[str, str]:
    """Give the statement, and what may be seen of it. The server's log gets the verifier, never the password."""
    raw = cast("psycopg.Connection[Any]", connection.connection)
    verifier = raw.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    return f"ALTER ROLE {role} PASSWORD '{verifier}'", f"ALTER ROLE {role} PASSWORD (of {password_variable(role)})"


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0].rstrip(".")
