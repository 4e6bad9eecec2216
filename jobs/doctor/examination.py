"""Running checks one after the other: read-only, in bounded time, and none can keep the others from being run."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import psycopg
from django.db import DatabaseError, OperationalError, connections

from accounts.row_security import acting_as_system
from jobs.doctor.asking import one
from jobs.doctor.checks import Check, checks
from jobs.doctor.findings import Finding, Severity, unknown

STATEMENT_SECONDS: Final = 2

# Locks are not waited for either: whoever rebuilds a table just now is not to be disturbed by a look at it.
_BOUNDS: Final = f"""
SET LOCAL transaction_read_only = on;
SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s';
SET LOCAL lock_timeout = '1s';
"""


def examine(only: Iterable[str] = ()) -> Iterator[Finding]:
    """Run the checks of these names, or all; gives what each of them says, at least one finding each."""
    for name in only or checks:
        for finding in _run(checks[name]):
            yield replace(finding, check=name)


def worst(findings: Iterable[Finding]) -> Severity:
    return max((finding.severity for finding in findings), default=Severity.OK)


def _run(check: Check) -> list[Finding]:
    using = check.using()
    try:
        with acting_as_system(using):
            with connections[using].cursor() as cursor:
                cursor.execute(_BOUNDS)
            return list(check.look())
    except DatabaseError as error:
        if isinstance(error, OperationalError) and not connections[using].is_usable():
            connections[using].close()
            return [unknown(f"The database was lost meanwhile: {first_line(error)}.", "manage.py doctor")]
        return [_unseen(check, error)]


def _unseen(check: Check, error: DatabaseError) -> Finding:
    """Say why a check could not look, and what lets it."""
    match error.__cause__:
        case psycopg.errors.InsufficientPrivilege():
            role = one("SELECT quote_ident(current_user)", using=check.using())[0]
            return unknown(f"{role} may not look: {first_line(error)}.", f"GRANT pg_monitor TO {role};")
        case psycopg.errors.QueryCanceled():
            what = f"It took longer than {STATEMENT_SECONDS} seconds to look."
            return unknown(what, f"manage.py doctor --only {check.name}")
        case psycopg.errors.LockNotAvailable():
            return unknown("Somebody holds a table locked.", f"manage.py doctor --only {check.name}")
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedFunction() | psycopg.errors.UndefinedColumn():
            return unknown(f"The schema is not this release's: {first_line(error)}.", "manage.py migrate")
    return unknown(f"It could not look: {first_line(error)}.", f"manage.py doctor --only {check.name}")


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
