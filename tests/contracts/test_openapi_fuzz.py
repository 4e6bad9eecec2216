"""Schemathesis over a running server, with all of its checks."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts import keys
from accounts.roles import Role
from tests.acceptance.conftest import database_url
from tests.factories import UserFactory

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / "tests/contracts/fuzz/schemathesis.toml"
SECONDS = 60

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS * 4)]


@pytest.fixture
def address(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """Start the web process on a free port, on the test database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--log-level", "warning"),
        *("--host", "127.0.0.1", "--port", str(port), "tests.contracts.fuzz.served:application"),
    ]
    log = tmp_path / "web.log"
    environment = {**os.environ, "DATABASE_URL": database_url(), "EKIDEN_PROCESS": "web", "LOG_LEVEL": "WARNING"}
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)
    assert b"Traceback" not in log.read_bytes(), log.read_text()


def test_the_api_keeps_what_its_description_promises(address: str) -> None:
    admin = UserFactory(user_id="fuzzer", role=Role.ADMIN, rate_limit_per_minute=1_000_000)
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run"),
        *("--checks", "all", "--max-time", str(SECONDS), "--wait-for-schema", "30", "--no-color"),
        f"{address}/api/openapi.json",
    ]
    environment = {**os.environ, "EKIDEN_FUZZ_KEY": keys.issue(admin)}

    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout + run.stderr
