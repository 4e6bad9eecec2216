"""A PostgreSQL 15 of Debian's own, with pg_cron, started for the tests that are about it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.conf import settings

from config.account import service_account

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PG_CRON = Path("/usr/share/postgresql/15/extension/pg_cron.control")

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "shared_preload_libraries": "pg_cron",
    # Its workers connect inside the server: no port and no password file.
    "cron.use_background_workers": "on",
    "max_worker_processes": "20",
}


@dataclass(frozen=True)
class DebianServer:
    """A running server; its databases are reached through the socket in `home`."""

    home: Path

    def connect(self, dbname: str = "postgres", **parameters: Any) -> psycopg.Connection[Any]:
        """Connect as the superuser, unless told otherwise."""
        parameters = {"user": "postgres", **parameters}
        return psycopg.connect(host=str(self.home), dbname=dbname, autocommit=True, **parameters)

    def create_database(self, name: str) -> None:
        with self.connect() as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            server.execute(f'CREATE DATABASE "{name}"')

    def manage(self, dbname: str, *arguments: str, user: str = "postgres") -> subprocess.CompletedProcess[str]:
        """Run manage.py on one of its databases."""
        url = f"postgresql:///?{urlencode({'host': self.home, 'dbname': dbname, 'user': user})}"
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            # One database, whatever the run has for its own.
            env={**os.environ, "DATABASE_URL": url, "LOGS_DATABASE_URL": ""},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )


@contextmanager
def running(**more: str) -> Iterator[DebianServer]:
    """Make a cluster, have its server running inside the block, and leave nothing behind."""
    if not (PROGRAMS / "postgres").exists() or not PG_CRON.exists():
        pytest.skip("Debian's postgresql-15 and postgresql-15-cron are not installed")
    account = service_account()
    home = Path(tempfile.mkdtemp(prefix="ekiden-pg15-"))
    account.own(home)
    how: dict[str, Any] = {"cwd": home, "check": True, "stdout": subprocess.DEVNULL, **account.identity}
    config = {**SETTINGS, **more, "unix_socket_directories": str(home)}
    options = " ".join(f"-c {name}={value}" for name, value in config.items())
    try:
        subprocess.run(
            [PROGRAMS / "initdb", "-D", "data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync"], **how
        )
        subprocess.run([PROGRAMS / "pg_ctl", "start", "-D", "data", "-l", "log", "-o", options, "-w"], **how)
        try:
            yield DebianServer(home)
        finally:
            subprocess.run([PROGRAMS / "pg_ctl", "stop", "-D", "data", "-m", "immediate", "-w"], **how)
    finally:
        shutil.rmtree(home)
