"""`manage.py up` as its user meets it: a real process, real signals, real HTTP."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from config.embedded import Location, Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
#: What tests/environment.py has set, and a user has not.
OF_THE_TESTS = ("DATABASE_URL", "SECRET_KEY", "DEBUG", "TEST_DB_NAME", "EKIDEN_PROCESS")
READY = "Ctrl-C stops all of it"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Up:
    """One `manage.py up`, its lines as they come."""

    def __init__(self, var_dir: Path, port: int, **environment: str) -> None:
        self.site = f"http://127.0.0.1:{port}"
        self.var_dir = var_dir
        clean = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "SECRET_KEY", "DEBUG")
        }
        # DEBUG spares the gathering of static files.
        clean |= {"EKIDEN_VAR_DIR": str(var_dir), "EKIDEN_PORT": str(port), "JOB_QUEUE_GRACE": "2s", "DEBUG": "true"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env={**clean, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # As a terminal's foreground job is: Ctrl-C is sent to the group.
            process_group=0,
        )
        self.lines: list[str] = []
        self.fresh: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip())
                self.fresh.put(line)
        self.fresh.put(None)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, wanted: str) -> str:
        while (line := self.fresh.get(timeout=60)) is not None:
            if wanted in line:
                return line
        raise AssertionError(f"ended without {wanted!r}:\n{self.text}")

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.site + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def worker(self) -> psutil.Process:
        return next(child for child in self.family() if "runworker" in child.cmdline())

    def interrupt(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture
def var_dir(open_directory):
    return open_directory


@pytest.fixture
def up(var_dir):
    started: list[Up] = []

    def start(**environment: str) -> Up:
        started.append(Up(var_dir, free_port(), **environment))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.terminate()
            each.process.wait(60)


def refusal(up: Up) -> str:
    """The one sentence of an `up` that cannot start."""
    assert up.process.wait(60) == 1
    while up.fresh.get(timeout=10) is not None:
        pass
    assert "Traceback" not in up.text
    return up.lines[-1]


def test_first_run_shows_credentials_that_work_and_the_second_finds_the_data(up, var_dir):
    first = up(DEBUG="false")
    first.wait_for(READY)
    key = re.search(r"API key +(\S+)", first.text)[1]
    assert re.search(r"login +operator", first.text) and re.search(r"password +\S{16,}", first.text)
    for address in ("/admin/", "/api/docs/", "/health"):
        assert re.search(rf"http://\S+{address}", first.text)
    for name in ("database │ PostgreSQL 18", "web │ serves", "worker │"):
        assert name in first.text

    status, body = first.get("/health")
    assert status == 200 and json.loads(body)["checks"] == {"database": "ok", "migrations": "ok"}
    assert first.get("/admin/login/")[0] == 200
    assert first.get("/api/v1/me", Authorization=f"Bearer {key}")[0] == 200
    assert first.get("/static/admin/css/base.css")[0] == 200

    family = first.family()
    assert first.interrupt() == 0
    assert "stopped" in first.wait_for("stopped")
    assert not psutil.wait_procs(family, timeout=10)[1]
    assert Server(Location.below(var_dir), {}).pid() is None

    second = up(DEBUG="false")
    second.wait_for(READY)
    assert key not in second.text and "password" not in second.text
    assert second.get("/api/v1/me", Authorization=f"Bearer {key}")[0] == 200
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(60) == 0


def test_worker_that_dies_is_reported_and_started_again(up):
    running = up()
    running.wait_for(READY)
    killed = running.worker()
    killed.kill()
    assert "was ended by SIGKILL; starting it again" in running.wait_for("the worker was ended")
    running.wait_for("worker │")
    assert running.worker().pid != killed.pid
    assert running.interrupt() == 0


def test_killed_launcher_leaves_nothing_that_bars_the_next(up, var_dir):
    killed = up()
    killed.wait_for(READY)
    family = killed.family()
    killed.process.kill()
    assert not psutil.wait_procs(family, timeout=30)[1]
    pid = Server(Location.below(var_dir), {}).pid()
    following = up()
    following.wait_for(READY)
    assert Server(Location.below(var_dir), {}).pid() == pid
    assert following.interrupt() == 0
    assert Server(Location.below(var_dir), {}).pid() is None


def test_database_url_is_used_instead_of_the_embedded_server(up, var_dir, own_database):
    running = up(DATABASE_URL=own_database, SECRET_KEY="x" * 60)
    assert "in DATABASE_URL" in running.wait_for("database │ PostgreSQL")
    running.wait_for(READY)
    assert "as the owner of the database" not in running.text
    assert running.interrupt() == 0
    assert not (var_dir / "postgres").exists()


def test_taken_port_is_a_sentence(up):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refusal(up(EKIDEN_PORT=str(port)))
    assert f"Port {port} on 127.0.0.1 is taken" in said and "EKIDEN_PORT" in said


def test_data_of_another_major_version_is_a_sentence(up, var_dir):
    (var_dir / "postgres" / "data").mkdir(parents=True)
    (var_dir / "postgres" / "data" / "PG_VERSION").write_text("16\n")
    assert "written by PostgreSQL 16 and this is PostgreSQL 18" in refusal(up())


def test_wrong_setting_is_a_sentence(up):
    assert "JOB_QUEUE_POLL_INTERVAL must be a duration" in refusal(up(JOB_QUEUE_POLL_INTERVAL="soon"))


def test_absent_database_is_a_sentence(up):
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    assert "the database does not answer" in refusal(up(DATABASE_URL=url, SECRET_KEY="x" * 60))


def test_full_disk_is_a_sentence(up, small_disk):
    assert f"{small_disk}" in (said := refusal(up(EKIDEN_VAR_DIR=str(small_disk)))) and "is full" in said


@pytest.fixture
def own_database():
    """An empty database on the server of the run."""
    server = conninfo_to_dict(os.environ["DATABASE_URL"])
    name = f"up_{os.getpid()}"
    with psycopg.connect(**{**server, "dbname": "postgres"}, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield os.environ["DATABASE_URL"].replace(f"/{server['dbname']}", f"/{name}", 1)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def small_disk(var_dir):
    """A file system of 8 MB."""
    if os.geteuid() != 0:
        pytest.skip("not for ordinary users: only root mounts")
    disk = var_dir / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)
