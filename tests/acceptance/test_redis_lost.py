"""Redis dies, hangs or fills up under load: no client sees an error, no job is lost, and it comes back by itself."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any

import pytest

from accounts import keys
from accounts.models import User
from jobs.redis_channel import channel, publish
from tests import web_process
from tests.acceptance.stage import Stage, WorkerProcess, wait_until
from tests.factories import UserFactory
from tests.redis_server import NOBODY, RedisServer, linked, running_redis

CLIENTS = 4
#: Far longer than a start may take: who waits for it has not been told.
POLL_SECONDS = 30.0
#: What one start may take, with a machine that does much else.
PROMPT_SECONDS = 10.0
#: How many jobs each part of the story sees through.
AT_LEAST = 25


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


class Load:
    """Clients that submit a job, ask for it until it has ended, and write down whatever is not as it should be."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._headers = port, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=[n]) for n in range(CLIENTS)]
        self.wrong: list[str] = []
        self.done: list[str] = []
        self.waits: list[float] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def through(self, what: str) -> None:
        """Wait until more jobs have been submitted and ended, promptly."""
        first = len(self.done)
        wait_until(lambda: self.wrong or len(self.done) >= first + AT_LEAST, 60, f"jobs while {what}")
        assert not self.wrong, f"{what}: {self.wrong}"
        assert max(self.waits[first:]) < PROMPT_SECONDS, what

    def _run(self, number: int) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            while not self._stopping.is_set():
                self._one_job(connection, f"load-{number}")
        except (OSError, HTTPException, ValueError, KeyError) as error:
            self.wrong.append(repr(error))
        finally:
            connection.close()

    def _one_job(self, connection: HTTPConnection, queue: str) -> None:
        status, told = self._ask(connection, "POST", "/api/v1/jobs", {"type": "proof_anote", "queue": queue})
        if status != 201:
            self.wrong.append(f"POST {status} {told}")
            return
        began, version = time.monotonic(), 0
        while told["status"] not in {"completed"}:
            status, told = self._ask(connection, "GET", f"/api/v1/jobs/{told['job_id']}")
            if status != 200 or told["version"] < version:
                self.wrong.append(f"GET {status} {told}, after version {version}")
                return
            version = told["version"]
            if time.monotonic() - began > POLL_SECONDS + PROMPT_SECONDS:
                self.wrong.append(f"not done within a poll: {told}")
                return
        self.waits.append(time.monotonic() - began)
        self.done.append(told["job_id"])

    def _ask(self, connection: HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        with connection.getresponse() as response:
            return response.status, json.loads(response.read())


@pytest.fixture
def site(stage: Stage, redis: RedisServer) -> Iterator[tuple[WorkerProcess, int]]:
    """A worker and a web process that use Redis."""
    worker = stage.worker(poll_interval=f"{POLL_SECONDS:.0f}s", env={"REDIS_URL": redis.url})
    own = {"REDIS_URL": redis.url, "DJANGO_SETTINGS_MODULE": "tests.acceptance.settings"}
    with web_process.running("config.asgi:application", stage.directory / "web.log", **own) as port:
        wait_until(lambda: is_up(port), 60, why="the web process")
        yield worker, port


def is_up(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def faults(redis: RedisServer) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "Redis answers", lambda: None
    yield "Redis is killed", redis.kill
    yield "Redis is back", redis.start
    yield "Redis hangs", redis.freeze
    yield "Redis goes on", redis.thaw
    yield "Redis is full", lambda: configure(redis, "maxmemory", 1)
    yield "Redis has room", lambda: configure(redis, "maxmemory", 0)


def configure(redis: RedisServer, name: str, value: int) -> None:
    with redis.client() as client:
        client.config_set(name, value)


def subscribers(redis: RedisServer) -> int:
    with redis.client() as client:
        return int(client.pubsub_numsub("ekiden:0:jobs")[0][1])


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_dies_hangs_or_fills_up_under_load_is_noticed_by_nobody(stage, redis, site):
    worker, port = site
    user: User = UserFactory(rate_limit_per_minute=1_000_000)
    wait_until(lambda: subscribers(redis) == 1)
    web_log = stage.directory / "web.log"

    def is_back() -> bool:
        told = web_log.read_text()
        return told.rfind("Redis is back") > told.rfind("Redis is away")

    with Load(port, keys.issue(user)) as load:
        for what, happen in faults(redis):
            happen()
            load.through(what)
            if what in ("Redis is back", "Redis goes on"):
                # What comes next is to be noticed as well: the web process knocks now and then only.
                wait_until(is_back, why=f"the web process to see that {what}")
        # By itself, and both of them.
        wait_until(lambda: subscribers(redis) == 1, why="the worker to listen again")
        with redis.client() as client:
            before = client.info("commandstats").get("cmdstat_publish", {}).get("calls", 0)
            wait_until(lambda: client.info("commandstats")["cmdstat_publish"]["calls"] > before + 10)
        load.through("all is as it was")
    stage.wait_for_all("completed")
    rows = stage.db.execute("SELECT max(attempt) AS attempts, count(*) AS jobs FROM job_queue").fetchone()
    assert rows == {"attempts": 1, "jobs": len(load.done)}, "none twice, none lost"
    assert len(set(load.done)) == len(load.done)
    told = web_log.read_text()
    assert told.count("Redis is away") >= 2 and told.count("Redis is back") >= 2
    assert worker.terminate() == 0
    assert "Traceback" not in worker.log


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_alone_has_lost_redis_finds_what_it_was_not_told_within_a_poll(stage, redis):
    """Somebody else hears the announcement, so the database says nothing."""
    lost = stage.worker(poll_interval="1s", env={"REDIS_URL": NOBODY})
    with linked(redis.url) as link, link.client().pubsub() as others:
        others.subscribe(channel(link))
        wait_until(lambda: subscribers(redis) == 1)
        for _ in range(2):
            job = stage.db.execute("INSERT INTO job_queue (job_type) VALUES ('proof_anote') RETURNING id").fetchone()
            assert publish(["default:5"]) == []
            stage.wait_for_status(str(job["id"]), "completed", seconds=20)
    assert lost.terminate() == 0
