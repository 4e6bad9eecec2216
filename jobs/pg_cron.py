"""Letting the database itself rescue jobs of lost workers, by the extension pg_cron."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import ProgrammingError, connection, transaction
from psycopg import sql

from jobs.exceptions import JobError

COMMAND: Final = "SELECT cleanup_expired_locks()"


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


def install(schedule: str) -> None:
    """Have the clean-up run by this cron expression; doing it again replaces the expression.

    pg_cron keeps its table in one database of the server, which may be another than ours: there it is told to run the
    clean-up in ours. Raises PgCronUnavailable with what to do, or InvalidSchedule.
    """
    with _cron_database() as cron:
        _create_extension(cron)
        arguments = [_job_name(), schedule, COMMAND, connection.settings_dict["NAME"]]
        try:
            cron.execute("SELECT cron.schedule_in_database(%s, %s, %s, %s)", arguments)
        except psycopg.errors.InsufficientPrivilege as error:
            raise PgCronUnavailable(_grant(cron)) from error
        except psycopg.errors.UndefinedFunction as error:
            raise PgCronUnavailable("This pg_cron is too old: update the extension to 1.4 or newer.") from error
        except psycopg.Error as error:
            raise InvalidSchedule(f"pg_cron refuses the schedule {schedule!r}: {_said(error)}.") from error


def uninstall() -> bool:
    """Take the clean-up out of pg_cron; tells whether it was there."""
    with _cron_database() as cron:
        if cron.execute("SELECT to_regclass('cron.job')").fetchone() == (None,):
            return False
        try:
            return bool(
                cron.execute("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %s", [_job_name()]).fetchall()
            )
        except psycopg.errors.InsufficientPrivilege as error:
            raise PgCronUnavailable(_grant(cron)) from error


def _job_name() -> str:
    return f"ekiden clean-up of {connection.settings_dict['NAME']}"


@contextmanager
def _cron_database() -> Iterator[psycopg.Connection[Any]]:
    database = _cron_database_name()
    try:
        cron = psycopg.connect(**{**connection.get_connection_params(), "dbname": database}, autocommit=True)
    except psycopg.OperationalError as error:
        raise PgCronUnavailable(f"pg_cron's database {database!r} cannot be reached: {_said(error)}.") from error
    with cron:
        yield cron


def _cron_database_name() -> str:
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
            with transaction.atomic():
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
