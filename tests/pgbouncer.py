"""Debian's PgBouncer in transaction mode, in front of the server that the tests use."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.account import service_account
from config.roles.declared import ROLES
from tests.database_roles import parameters

PROGRAM = Path("/usr/sbin/pgbouncer")
PORT = "6432"

CONFIG = """
[databases]
* = host={host} port={port}
[pgbouncer]
unix_socket_dir = {home}
listen_port = {own_port}
auth_type = trust
auth_file = {home}/users
admin_users = postgres
pool_mode = transaction
# So few that clients have to share them.
default_pool_size = 4
max_client_conn = 300
# Between two tests the database is dropped, or truncated.
server_idle_timeout = 5
"""


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """Have it running inside the block; gives the host and the port to connect to."""
    if not PROGRAM.exists():
        pytest.skip("Debian's pgbouncer is not installed")
    server = parameters()
    account = service_account()
    home = Path(tempfile.mkdtemp(prefix="ekiden-bouncer-"))
    account.own(home)
    # Our side opens its socket from another account.
    home.chmod(0o755)
    names = ["postgres", *(role.name for role in ROLES)]
    (home / "users").write_text("".join(f'"{name}" ""\n' for name in names))
    (home / "config").write_text(
        CONFIG.format(host=server["host"], port=server.get("port", "5432"), home=home, own_port=PORT)
    )
    how: dict[str, Any] = {"cwd": home, **account.identity}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "-q", "config"], stdout=log, stderr=log, **how)
        try:
            where = {"host": str(home), "port": PORT}
            _wait(process, where, home / "log")
            yield where
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(home)


def _wait(process: subprocess.Popen[bytes], where: dict[str, str], log: Path) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(**where, user="postgres", dbname="pgbouncer", autocommit=True).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text()) from None
            threading.Event().wait(0.02)
