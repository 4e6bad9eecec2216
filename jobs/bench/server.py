"""Web processes as the product runs them, started for a measurement."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import psutil
from django.conf import settings
from django.db import connection

START_SECONDS: Final = 30.0

# The role that web processes work as, where this one may take it on: row-level security costs something, too.
_APP_ROLE: Final = """
SELECT rolname FROM pg_roles WHERE rolname = 'ekiden_app' AND pg_has_role(rolname, 'MEMBER')
  AND has_table_privilege(rolname, 'public.job_queue', 'INSERT')
"""


@dataclass(frozen=True)
class Server:
    """A running server, and what its processes have used."""

    port: int
    process: psutil.Process
    role: str

    def cpu_seconds(self) -> float:
        """Processor time of its processes since they began."""
        return sum(sum(times[:2]) for each in self._processes() if (times := _quietly(each.cpu_times)))

    def memory_mb(self) -> float:
        return sum(float(memory.rss) for each in self._processes() if (memory := _quietly(each.memory_info))) / 1e6

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def web_server(processes: int = 1) -> Iterator[Server]:
    """Serve the API on a free port inside the block, in the role of web processes if that may be had."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    application = settings.ASGI_APPLICATION.replace(".application", ":application")
    command = [
        *(sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws", "--log-level", "warning"),
        *("--workers", str(processes), "--port", str(port), application),
    ]
    role = app_role()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(["env", *_environment(role), *command], stdout=log, stderr=log)  # noqa: S607
        try:
            _await(port, process)
            yield Server(port, psutil.Process(process.pid), role or connection.settings_dict["USER"])
        finally:
            process.terminate()
            process.wait(30)


def app_role() -> str:
    """Name the role of web processes, unless there is none that this process could give."""
    with connection.cursor() as cursor:
        cursor.execute(_APP_ROLE)
        found = cursor.fetchone()
    return str(found[0]) if found else ""


def _environment(role: str) -> list[str]:
    # A line for every request is a cost that the site chooses; here they would only fill a file.
    own = ["EKIDEN_PROCESS=web", "LOG_LEVEL=WARNING"]
    return [*own, f"DATABASE_ROLE={role}"] if role else own


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The web process did not start.")


def _quietly(ask: Callable[[], Any]) -> Any:
    with suppress(psutil.NoSuchProcess):
        return ask()
    return None
