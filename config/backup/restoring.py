"""Restore a back-up, whole or one table of it, and compare what is there afterwards with what was there then."""

import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg

from accounts import uuid7
from config.backup import archive, census, programs
from config.backup.archive import Entry
from config.backup.making import Begin
from config.backup.manifest import Database, Table
from config.backup.manifest import archive as archive_name
from config.exceptions import BackupFailed
from config.roles.declared import ROLES

OUR_ROLES: Final = frozenset(role.name for role in ROLES)
#: What the database itself says, and no archive without CREATE DATABASE holds.
SEARCH_PATH: Final = (Path(uuid7.__file__).parent / "sql" / "set_search_path.sql").read_text(encoding="utf-8")
ANYTHING: Final = """
SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND relkind IN ('r', 'p', 'v', 'm', 'S')
AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = pg_class.oid AND e.deptype = 'e')
UNION ALL SELECT 'the schema ' || nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public', 'cron')
ORDER BY 1 LIMIT 1
"""


def restore(
    directory: Path, alias: str, told: Database, parameters: Mapping[str, Any], begin: Begin, jobs: int = 1
) -> list[str]:
    """Fill an empty database from a verified back-up; name its tables. Raises BackupFailed."""
    with _connected(parameters) as connection:
        _prepare_place(connection, told)
        found = connection.execute(ANYTHING).fetchone()
        if found:
            raise BackupFailed(
                f"The database {connection.info.dbname} is not empty (there is {found[0]}): restore into a new one, "
                f"made with createdb, or restore one table with --table."
            )
        chosen = _programs(connection, told)
        file = directory / archive_name(alias)
        wanted = [entry for entry in archive.entries(chosen, file) if not _made_elsewhere(entry)]
        _run(chosen, file, wanted, parameters, jobs)
        connection.execute(SEARCH_PATH)
        _compare(connection, told, list(told.tables), begin)
    return list(told.tables)


def restore_table(
    directory: Path, alias: str, told: Database, parameters: Mapping[str, Any], begin: Begin, name: str
) -> list[str]:
    """Fill one table, with its partitions, that is empty or missing; name them. Raises BackupFailed."""
    name = _full_name(told, name)
    names = told.with_partitions(name)
    with _connected(parameters) as connection:
        _prepare_place(connection, told)
        _refuse_guarded(connection)
        there = census.tables(connection)
        for each in set(names) & set(there):
            _refuse_filled(connection, each)
        chosen = _programs(connection, told)
        file = directory / archive_name(alias)
        wanted = [
            entry
            for entry in archive.entries(chosen, file)
            if any(_is_wanted(entry, each, told.tables[each], there) for each in names)
        ]
        _run(chosen, file, wanted, parameters)
        _compare(connection, told, names, begin)
    return names


def _is_wanted(entry: Entry, name: str, table: Table, there: Mapping[str, Table]) -> bool:
    """Choose what a table still lacks. A partition gets indexes, constraints and triggers from the table it joins."""
    if not entry.belongs_to(name, table):
        return False
    if name in there:
        return entry.kind in ("TABLE DATA", "SEQUENCE SET")
    if table.parent in there:
        return entry.kind in ("TABLE", "TABLE ATTACH", "TABLE DATA", "ROW SECURITY", "POLICY", "ACL")
    return True


def _full_name(told: Database, name: str) -> str:
    found = [each for each in told.tables if name in (each, each.partition(".")[2])]
    if len(found) != 1:
        raise BackupFailed(f"The back-up has no table {name!r}. It has: {', '.join(sorted(told.tables))}.")
    return found[0]


def _connected(parameters: Mapping[str, Any]) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(**{"connect_timeout": 10, **parameters}, autocommit=True)
    except psycopg.OperationalError as exc:
        raise BackupFailed(f"The database does not answer: {str(exc).strip()}.") from exc


def _programs(connection: psycopg.Connection[Any], told: Database) -> programs.Programs:
    """An archive is read by programs as new as those that wrote it, or newer."""
    return programs.find(max(connection.info.server_version // 10_000, told.programs_major))


def _prepare_place(connection: psycopg.Connection[Any], told: Database) -> None:
    """Refuse an older server, and have the roles that rights and policies name; setup_roles does the rest."""
    major = connection.info.server_version // 10_000
    if major < told.server_major:
        raise BackupFailed(f"The back-up is of PostgreSQL {told.server_major}, and this server is older: {major}.")
    here = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
    missing = sorted(set(told.roles) - here)
    ours = [role for role in missing if role in OUR_ROLES]
    try:
        for role in ours:
            connection.execute(f"CREATE ROLE {role} NOLOGIN")
    except psycopg.errors.InsufficientPrivilege:
        ours = []
    if others := [role for role in missing if role not in ours]:
        statements = " ".join(f"CREATE ROLE {role};" for role in others)
        raise BackupFailed(f"This server lacks roles that the back-up names. Have a superuser make them: {statements}")


def _refuse_guarded(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute(
        "SELECT current_user FROM pg_roles WHERE rolname = current_user AND NOT (rolsuper OR rolbypassrls)"
    ).fetchone()
    if row:
        raise BackupFailed(
            f"The role {row[0]} may not copy rows into tables with row-level security: connect as a superuser, "
            f"or as a role with BYPASSRLS that may write."
        )


def _refuse_filled(connection: psycopg.Connection[Any], name: str) -> None:
    if connection.execute(f"SELECT FROM ONLY {name} LIMIT 1").fetchone() is not None:
        raise BackupFailed(f"The table {name} is not empty: empty it, or rename it, before it is restored.")


def _made_elsewhere(entry: Entry) -> bool:
    """Pass over what belongs to a role or to a server instead of to the data: setup_roles and install_pg_cron."""
    return "DEFAULT ACL" in entry.line or " cron " in entry.line or "EXTENSION pg_cron" in entry.line


def _run(
    chosen: programs.Programs, file: Path, wanted: Iterable[Entry], parameters: Mapping[str, Any], jobs: int = 1
) -> None:
    """Restore just these entries: in one transaction, or with several jobs without one."""
    how = ["--single-transaction"] if jobs == 1 else [f"--jobs={jobs}"]
    with tempfile.NamedTemporaryFile("w", suffix=".list") as listed:
        listed.write("".join(f"{entry.line}\n" for entry in wanted))
        listed.flush()
        command = chosen.command(
            *("pg_restore", "--exit-on-error", "--no-owner", f"--use-list={listed.name}", *how),
            *("--dbname", programs.conninfo(parameters), str(file)),
        )
        done = subprocess.run(command, capture_output=True, text=True, env=programs.environment(parameters))
    if done.returncode:
        left = "" if jobs == 1 else " What it restored until then is there: begin again with an empty database."
        raise BackupFailed(f"pg_restore failed: {done.stderr.strip()}{left}")


def _compare(connection: psycopg.Connection[Any], told: Database, names: list[str], begin: Begin) -> None:
    """Raise, with the tables' names, unless every row is as it was."""
    with_rows = [name for name in names if not told.tables[name].partitioned]
    tick = begin("rows compared", len(with_rows))
    with connection.transaction():
        found = census.count(connection, census.tables(connection), with_rows, tick)
    differ = [
        f"{name} ({found[name].rows} rows, {told.tables[name].rows} in the back-up)"
        for name in with_rows
        if (found[name].rows, found[name].checksum) != (told.tables[name].rows, told.tables[name].checksum)
    ]
    if differ:
        raise BackupFailed(f"What was restored is not what was backed up: {', '.join(differ)}.")
