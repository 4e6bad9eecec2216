"""The web process, started for a test on a free port and on the test database."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.conftest import database_url

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(application: str, log: Path, **environment: str) -> Iterator[int]:
    """Serve an ASGI application; give its port. A traceback in its log is an error."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--log-level", "warning"),
        *("--host", "127.0.0.1", "--port", str(port), application),
    ]
    own = {"DATABASE_URL": database_url(), "EKIDEN_PROCESS": "web", "LOG_LEVEL": "WARNING"}
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **own, **environment}, stdout=output, stderr=output
        )
        try:
            yield port
        finally:
            server.terminate()
            server.wait(20)
    assert b"Traceback" not in log.read_bytes(), log.read_text()
