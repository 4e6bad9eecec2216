"""The real web server on a small pool of connections, with clients that do not wait for their answers."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from accounts import keys
from accounts.models import User
from jobs.enqueue import enqueue
from tests.acceptance.conftest import database_url
from tests.acceptance.stage import wait_until
from tests.factories import UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
POOL_SIZE = 3


class Web:
    """Granian, as the deployment starts it, on the test database."""

    def __init__(self, url: str, key: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url, self.key = url, key
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws", "--port", str(self.port)),
                *("--log-level", "warning", "config.asgi:application"),
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "EKIDEN_PROCESS": "web",
                "EKIDEN_WEB_THREADS": "2",
                "DATABASE_POOL_SIZE": str(POOL_SIZE),
            },
        )

    def listens(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def ask(self, path: str, *, method: str = "GET", length: int = 0) -> socket.socket:
        """Send a request and leave its answer for later."""
        client = self.connect()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.key}\r\n"
        client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode())
        return client

    def get(self, path: str) -> int:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {self.key}"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            json.loads(response.read())
            return int(response.status)

    def connections(self) -> int:
        with psycopg.connect(self.url) as database:
            row = database.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'ekiden-web'"
            ).fetchone()
        return int(row[0]) if row else 0


@pytest.fixture
def user() -> User:
    return UserFactory(role="admin")


@pytest.fixture
def web(user: User) -> Iterator[Web]:
    server = Web(database_url(), keys.issue(user))
    wait_until(server.listens, why="the web server")
    yield server
    server.process.terminate()
    server.process.wait(60)


def test_clients_that_go_away_take_no_connection_with_them(web: Web, user: User) -> None:
    job = f"/api/v1/jobs/{enqueue('summarize', {'content': 'nobody runs this'}, user=user).id}"
    for _ in range(4 * POOL_SIZE):
        with web.ask(f"{job}/events") as following, web.ask(f"{job}?wait=30"), web.ask(job):
            assert following.recv(1000).startswith(b"HTTP/1.1 200")
        with web.ask("/api/v1/jobs", method="POST", length=1000) as half:
            half.sendall(b'{"job_type":')
    with ThreadPoolExecutor(10) as crowd:
        assert set(crowd.map(web.get, [job] * 50)) == {200}
    assert web.connections() <= POOL_SIZE


def test_waiting_clients_leave_the_others_room(web: Web, user: User) -> None:
    job = f"/api/v1/jobs/{enqueue('summarize', {'content': 'nobody runs this'}, user=user).id}"
    waiting = [web.ask(f"{job}/events") for _ in range(5 * POOL_SIZE)]
    assert all(client.recv(1000).startswith(b"HTTP/1.1 200") for client in waiting)
    assert web.get(job) == 200
    assert web.connections() <= POOL_SIZE
    for client in waiting:
        client.close()
