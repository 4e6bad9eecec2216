"""Letting the database itself rescue jobs of lost workers, and do other chores, by the extension pg_cron."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connections, transaction
from psycopg import sql

from jobs.exceptions import JobError


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement that pg_cron is to run; apps above the queue add theirs to ENTRIES."""

    name: str
    command: str
    #: A cron expression; None: the one that the caller of install() gives.
    schedule: str | None
    #: Gives the alias of the database that it is run in.
    alias: Callable[[], str] = lambda: DEFAULT_DB_ALIAS


ENTRIES: Final = [Entry("clean-up", "SELECT cleanup_expired_locks()", None)]

_MISSING: Final = (
    "The database server has no pg_cron: install it there (on Debian postgresql-{major}-cron), or rely on the workers, "
    "each of which rescues lost jobs too."
)
_NOT_LOADED: Final = (
    "pg_cron is installed but not loaded: add it to shared_preload_libraries and restart the database server."
)


class PgCronUnavailable(JobError):
    """The database server cannot run pg_cron."""


class InvalidSchedule(JobError):
    """pg_cron does not understand the schedule."""


def install(schedule: str) -> list[tuple[str, str]]:
    """Have the clean-up run by this cron expression, and the other entries by theirs; gives commands and expressions.

    Doing it again replaces the expressions. pg_cron keeps its table in one database of the server, which may be another
    than ours: there it is told to run the commands in ours. Raises PgCronUnavailable with what to do, or
    InvalidSchedule.
    """
    for alias, entries in _by_database():
        with _cron_database(alias) as cron:
            _create_extension(cron)
            for entry in entries:
                _schedule(cron, entry, entry.schedule or schedule)
    return [(entry.command, entry.schedule or schedule) for entry in ENTRIES]


def uninstall() -> bool:
    """Take all entries out of pg_cron; tells whether any was there."""
    return True in [_unschedule(alias, entries) for alias, entries in _by_database()]


def _by_database() -> list[tuple[str, list[Entry]]]:
    ordered = sorted(ENTRIES, key=lambda entry: entry.alias())
    return [(alias, list(entries)) for alias, entries in groupby(ordered, key=lambda entry: entry.alias())]


def _schedule(cron: psycopg.Connection[Any], entry: Entry, schedule: str) -> None:
    database = connections[entry.alias()].settings_dict["NAME"]
    try:
        cron.execute(
            "SELECT cron.schedule_in_database(%s, %s, %s, %s)", [_job_name(entry), schedule, entry.command, database]
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise PgCronUnavailable(_grant(cron)) from error
    except psycopg.errors.UndefinedFunction as error:
        raise PgCronUnavailable("This pg_cron is too old: update the extension to 1.4 or newer.") from error
    except psycopg.Error as error:
        raise InvalidSchedule(f"pg_cron refuses the schedule {schedule!r}: {_said(error)}.") from error


def _unschedule(alias: str, entries: list[Entry]) -> bool:
    with _cron_database(alias) as cron:
        if cron.execute("SELECT to_regclass('cron.job')").fetchone() == (None,):
            return False
        try:
            names = [_job_name(entry) for entry in entries]
            unscheduled = "SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = ANY (%s)"
            return bool(cron.execute(unscheduled, [names]).fetchall())
        except psycopg.errors.InsufficientPrivilege as error:
            raise PgCronUnavailable(_grant(cron)) from error


def _job_name(entry: Entry) -> str:
    return f"ekiden {entry.name} of {connections[entry.alias()].settings_dict['NAME']}"


@contextmanager
def _cron_database(alias: str) -> Iterator[psycopg.Connection[Any]]:
    database = _cron_database_name(alias)
    try:
        cron = psycopg.connect(**{**connections[alias].get_connection_params(), "dbname": database}, autocommit=True)
    except psycopg.OperationalError as error:
        raise PgCronUnavailable(f"pg_cron's database {database!r} cannot be reached: {_said(error)}.") from error
    with cron:
        yield cron


def _cron_database_name(alias: str) -> str:
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_cron'),"
            " (SELECT count(*) FROM pg_extension WHERE extname = 'pg_cron')"
        )
        available, ours = cursor.fetchone()
        if not available:
            raise PgCronUnavailable(_MISSING.format(major=connection.pg_version // 10_000))  # type: ignore[attr-defined]
        if ours:
            return str(connection.settings_dict["NAME"])
        try:
            with transaction.atomic(using=alias):
                cursor.execute("SELECT current_setting('cron.database_name', true)")
                (name,) = cursor.fetchone()
        except ProgrammingError:
            # The setting is there and only superusers may read it: take its default.
            return "postgres"
    if name is None:
        raise PgCronUnavailable(_NOT_LOADED)
    return str(name)


def _create_extension(cron: psycopg.Connection[Any]) -> None:
    if cron.execute("SELECT FROM pg_extension WHERE extname = 'pg_cron'").fetchone() is not None:
        return
    try:
        cron.execute("CREATE EXTENSION pg_cron")
    except psycopg.errors.InsufficientPrivilege as error:
        raise PgCronUnavailable(_grant(cron)) from error


def _grant(cron: psycopg.Connection[Any]) -> str:
    user = sql.Identifier(cron.info.user).as_string(cron)
    return (
        f"{cron.info.user} may not schedule with pg_cron: as a superuser in the database {cron.info.dbname} run "
        f"CREATE EXTENSION IF NOT EXISTS pg_cron; GRANT USAGE ON SCHEMA cron TO {user}; "
        f"GRANT EXECUTE ON FUNCTION cron.schedule_in_database TO {user};"
    )


def _said(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().rstrip(".")
