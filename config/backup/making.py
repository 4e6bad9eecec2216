"""Make a back-up: pg_dump and our own count of every table see the same snapshot, and nothing partial is kept."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from config.backup import archive, census, programs
from config.backup.manifest import MANIFEST, Database, Manifest, seal
from config.backup.manifest import archive as archive_name
from config.exceptions import BackupFailed

#: Say what begins and of how many steps it is; call what comes back at each step.
Begin = Callable[[str, int], Callable[[str], None]]

ROLES: Final = (Path(__file__).parent / "roles.sql").read_text(encoding="utf-8")
#: Behind a lock that is held longer the back-up gives up, and says so, instead of hanging.
LOCK_WAIT: Final = "60s"
DUMPING: Final = re.compile(r'dumping contents of table "([^"]+)"')


def make(output: Path, databases: Mapping[str, Mapping[str, Any]], begin: Begin) -> Path:
    """Back up the databases, by alias with libpq's parameters, into a new directory below `output`.

    It gets its name when everything in it is whole. Raises BackupFailed, and leaves nothing then.
    """
    now = datetime.now(UTC)
    final = output / f"ekiden-{now:%Y%m%dT%H%M%SZ}"
    with _working_directory(final) as directory:
        told = {alias: _one(directory / archive_name(alias), each, begin) for alias, each in databases.items()}
        Manifest(now.isoformat(timespec="seconds"), told).write(directory)
        names = [MANIFEST, *map(archive_name, databases)]
        seal(directory, names)
        for each in directory.iterdir():
            _reach_the_disk(each)
        _reach_the_disk(directory)
        directory.rename(final)
        _reach_the_disk(output)
    return final


@contextmanager
def _working_directory(final: Path) -> Iterator[Path]:
    directory = final.with_name(f"{final.name}.partial")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        # It will hold everything: password hashes, payloads, logs.
        directory.mkdir(mode=0o700)
    except OSError as exc:
        raise BackupFailed(f"{directory} cannot be made: {exc.strerror}.") from exc
    try:
        yield directory
    except OSError as exc:
        raise BackupFailed(f"The back-up cannot be written: {exc}.") from exc
    except psycopg.Error as exc:
        raise BackupFailed(f"The database refused: {_first_line(exc)}.") from exc
    finally:
        if directory.exists():
            shutil.rmtree(directory)


def _one(file: Path, parameters: Mapping[str, Any], begin: Begin) -> Database:
    with psycopg.connect(**parameters, connect_timeout=10) as connection:
        _refuse_hidden_rows(connection)
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
        tables = census.tables(connection)
        snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert snapshot is not None
        chosen = programs.find(connection.info.server_version // 10_000)
        counted = _dump_and_count(chosen, connection, parameters, snapshot[0], file, tables, begin)
        archive.refuse_partial(archive.entries(chosen, file), counted)
        return Database(
            name=connection.info.dbname,
            server_major=connection.info.server_version // 10_000,
            programs_major=chosen.major,
            roles=[row[0] for row in connection.execute(ROLES)],
            tables=counted,
        )


def _refuse_hidden_rows(connection: psycopg.Connection[Any]) -> None:
    """Row security would stop pg_dump in the middle. Afterwards a new transaction begins."""
    row = connection.execute(
        "SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    connection.rollback()
    if row and not row[1]:
        raise BackupFailed(
            f"The role {row[0]} sees only the rows that row-level security shows it, and would back up no more: "
            f"set BACKUP_DATABASE_URL to a role with BYPASSRLS, such as ekiden_backup of manage.py setup_roles."
        )


def _dump_and_count(
    chosen: programs.Programs,
    connection: psycopg.Connection[Any],
    parameters: Mapping[str, Any],
    snapshot: str,
    file: Path,
    tables: dict[str, Any],
    begin: Begin,
) -> dict[str, Any]:
    """Count in a thread while pg_dump works; when it fails the count is not waited for."""
    with_rows = [name for name, table in tables.items() if not table.partitioned]
    dumped = begin(f"{file.stem}: rows written", len(with_rows))
    counted = begin(f"{file.stem}: rows summed up", len(with_rows))
    command = chosen.command(
        *("pg_dump", "--format=custom", "--verbose", f"--snapshot={snapshot}", f"--lock-wait-timeout={LOCK_WAIT}"),
        *("--file", str(file), "--dbname", programs.conninfo(parameters)),
    )
    with ThreadPoolExecutor(1) as pool, _running(command, parameters) as process:
        counting = pool.submit(census.count, connection, tables, tables, counted)
        try:
            said = _follow(process, dumped)
            if process.wait():
                how = f"was ended by signal {-process.returncode}" if process.returncode < 0 else "failed"
                raise BackupFailed(f"pg_dump {how}: {said.strip() or 'it gave no reason'}")
            return counting.result()
        except BaseException:
            # Between two statements there is nothing to cancel yet.
            while not counting.done():
                connection.cancel_safe(timeout=10)
                wait([counting], timeout=0.1)
            raise


@contextmanager
def _running(command: list[str], parameters: Mapping[str, Any]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, errors="replace", env=programs.environment(parameters)
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def _follow(process: subprocess.Popen[str], tick: Callable[[str], None]) -> str:
    """Tick at each table that pg_dump begins; give back its complaints."""
    complaints = []
    for line in process.stderr or ():
        if table := DUMPING.search(line):
            tick(table[1])
        elif "error:" in line or "detail:" in line:
            complaints.append(line.strip())
    return " ".join(complaints)


def _reach_the_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0].rstrip(".")
