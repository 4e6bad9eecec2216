"""Where an acceptance test plays: real worker processes, the events of their handlers, the rows of the queue."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
from psycopg.rows import dict_row

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]

#: Short, so that loss and rescue are seen in seconds.
QUICK = {"lock-duration": "3s", "heartbeat-interval": "1s", "poll-interval": "500ms", "grace": "10s"}


def wait_until(what: Callable[[], T], seconds: float = 30.0, why: str = "") -> T:
    """Wait until it is true; tells what was seen last when it never is."""
    deadline = time.monotonic() + seconds
    while not (seen := what()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain{' for ' + why if why else ''}: {seen!r}")
        time.sleep(0.01)
    return seen


class WorkerProcess:
    """One `manage.py runworker`; everything it logs is kept in a file."""

    def __init__(
        self, stage: "Stage", arguments: Iterable[str], prefix: Iterable[str] = (), **environment: str
    ) -> None:
        self.log_path = stage.directory / f"worker-{len(stage.workers)}.log"
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "manage.py", "runworker", *arguments],
                cwd=ROOT,
                env={**stage.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def ready(self) -> "WorkerProcess":
        wait_until(lambda: " works on " in self.log or self.process.poll() is not None, why="a worker to start")
        assert self.process.poll() is None, self.log
        return self

    def wait_for_log(self, words: str, seconds: float = 30.0) -> None:
        try:
            wait_until(lambda: words in self.log, seconds, f"{words!r} in the log")
        except AssertionError:
            raise AssertionError(f"no {words!r} in:\n{self.log[-6000:]}") from None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)
        wait_until(lambda: Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def terminate(self, seconds: float = 30.0) -> int:
        """Send SIGTERM and give the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float = 30.0) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            # The fault handler writes down where every thread stands.
            self.signal(signal.SIGABRT)
            self.process.wait(10)
            raise AssertionError(f"the worker did not end:\n{self.log[-6000:]}") from None


class Stage:
    """A database, a directory of events and gates, and the workers of one test."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.workers: list[WorkerProcess] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
            "DJANGO_SETTINGS_MODULE": "tests.acceptance.settings",
            "DATABASE_URL": url,
            "EKIDEN_PROCESS": "worker",
            "PROOF_DIR": str(directory),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
        }
        self.db = self._connect()
        self.db.execute("CREATE TABLE IF NOT EXISTS proof_effects (job_id uuid NOT NULL, attempt integer NOT NULL)")

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(self.url, autocommit=True, row_factory=dict_row)

    def reconnect(self) -> None:
        self.db.close()
        self.db = self._connect()

    # Workers

    def worker(
        self,
        *arguments: str,
        ready: bool = True,
        env: dict[str, str] | None = None,
        prefix: Iterable[str] = (),
        **options: Any,
    ) -> Any:
        """Start a worker, by the program `prefix` if any; options are runworker's, in place of the quick ones."""
        chosen = {**QUICK, **{name.replace("_", "-"): value for name, value in options.items()}}
        worker = WorkerProcess(
            self,
            [*arguments, *(f"--{name}={value}" for name, value in chosen.items() if value is not None)],
            prefix,
            **env or {},
        )
        self.workers.append(worker)
        return worker.ready() if ready else worker

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.thaw()
                # Children of a supervisor are in its care: let it end them.
                worker.signal(signal.SIGTERM)
                worker.signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.process.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
        self._end_leftovers()
        self.db.close()

    def _end_leftovers(self) -> None:
        """What a failed test left behind would work on the next test's jobs."""
        for process in psutil.process_iter():
            try:
                if process.environ().get("PROOF_DIR") == str(self.directory) and process.pid != os.getpid():
                    process.kill()
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue

    # Events

    def events(self, event: str | None = None, job: Any = None) -> list[dict[str, Any]]:
        try:
            lines = (self.directory / "events").read_text().splitlines()
        except FileNotFoundError:
            return []
        told = [json.loads(line) for line in lines]
        return [
            each for each in told
            if (event is None or each["event"] == event) and (job is None or each["job"] == str(job))
        ]  # fmt: skip

    def wait_for_event(self, event: str, job: Any = None, count: int = 1, seconds: float = 30.0) -> dict[str, Any]:
        def seen() -> list[dict[str, Any]]:
            told = self.events(event, job)
            return told if len(told) >= count else []

        try:
            return wait_until(seen, seconds, f"{count} events {event!r}")[count - 1]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.events()[-10:]}\n{self.logs()}") from None

    def open(self, gate: str = "go") -> None:
        (self.directory / f"gate-{gate}").touch()

    def logs(self) -> str:
        return "\n".join(f"--- {worker.log_path.name}\n{worker.log[-4000:]}" for worker in self.workers)

    # Rows

    def submit(self, job_type: str, payload: Any = None, **columns: Any) -> str:
        return self.submit_many(job_type, 1, payload, **columns)[0]

    def submit_many(self, job_type: str, count: int, payload: Any = None, **columns: Any) -> list[str]:
        """Put in pending jobs and tell workers, as any language may."""
        names = ["job_type", "payload", *columns]
        values = [job_type, json.dumps({} if payload is None else payload), *columns.values()]
        marks = ", ".join(["%s"] * len(names))
        rows = self.db.execute(
            f"INSERT INTO job_queue ({', '.join(names)}) SELECT {marks} FROM generate_series(1, %s)"
            " RETURNING id, queue, priority",
            [*values, count],
        ).fetchall()
        self.db.execute("SELECT pg_notify('ekiden_jobs', %s)", [f"{rows[0]['queue']}:{rows[0]['priority']}"])
        return [str(row["id"]) for row in rows]

    def job(self, job_id: str) -> dict[str, Any]:
        row = self.db.execute("SELECT * FROM job_queue WHERE id = %s", [job_id]).fetchone()
        assert row is not None
        return row

    def lock(self, job_id: str) -> dict[str, Any] | None:
        return self.db.execute("SELECT * FROM job_processing_locks WHERE job_id = %s", [job_id]).fetchone()

    def counts(self) -> Counter[str]:
        rows = self.db.execute("SELECT status, count(*) AS n FROM job_queue GROUP BY status").fetchall()
        return Counter({row["status"]: row["n"] for row in rows})

    def wait_for_status(self, job_id: str, *statuses: str, seconds: float = 30.0) -> dict[str, Any]:
        try:
            wait_until(lambda: self.job(job_id)["status"] in statuses, seconds)
        except AssertionError:
            raise AssertionError(
                f"{self.job(job_id)} is not {statuses}\n{self.events()[-10:]}\n{self.logs()}"
            ) from None
        return self.job(job_id)

    def wait_for_all(self, *statuses: str, seconds: float = 60.0) -> Counter[str]:
        """Wait until every job has one of these statuses."""
        try:
            wait_until(lambda: not set(self.counts()) - set(statuses), seconds)
        except AssertionError:
            raise AssertionError(f"{self.counts()}\n{self.logs()}") from None
        return self.counts()

    def effects(self, job_id: str) -> list[int]:
        rows = self.db.execute("SELECT attempt FROM proof_effects WHERE job_id = %s", [job_id]).fetchall()
        return [row["attempt"] for row in rows]

    def no_locks_left(self) -> bool:
        row = self.db.execute("SELECT count(*) AS n FROM job_processing_locks").fetchone()
        return row is not None and row["n"] == 0
