"""The worker of docs/examples, in Node, on a real web process."""

import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import psycopg
import pytest
import urllib3

from accounts import keys
from accounts.roles import Role
from jobs.enqueue import enqueue
from jobs.models import Function
from tests import web_process
from tests.acceptance.conftest import database_url
from tests.acceptance.proxy import Proxy
from tests.acceptance.stage import ROOT, Stage, wait_until
from tests.factories import UserFactory

NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.django_db(transaction=True),
]

HANDLERS = ROOT / "tests" / "acceptance" / "node_handlers.mjs"


class NodeWorker:
    """One `node worker.mjs`; what it says is kept in a file."""

    def __init__(self, stage: Stage, site: str, key: str, **environment: str) -> None:
        self.log_path = stage.directory / f"node-{len(list(stage.directory.glob('node-*')))}.log"
        own = {
            "EKIDEN_URL": f"{site}/api/v1",
            "EKIDEN_API_KEY": key,
            "EKIDEN_LOCK_SECONDS": "3",
            "EKIDEN_WAIT_SECONDS": "5",
            "EKIDEN_GRACE_SECONDS": "20",
        }
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(
                [str(NODE), "docs/examples/worker.mjs", str(HANDLERS)],
                cwd=ROOT,
                env={**stage.environment, **own, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        found: list[re.Match[str]] = []

        def seen() -> bool:
            match = re.search(pattern, self.log)
            found.extend([match] if match else [])
            return bool(found)

        try:
            wait_until(seen)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} in:\n{self.log[-4000:]}") from None
        return found[0]

    def terminate(self) -> int:
        self.process.terminate()
        return self.process.wait(30)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


Start = Callable[..., NodeWorker]


def answers(site: str) -> bool:
    try:
        return bool(urllib3.request("GET", f"{site}/health/ready", retries=False).status == 200)
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture(scope="module")
def site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("web") / "web.log"
    with web_process.running("config.asgi:application", log) as port:
        site = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(site), seconds=60, why="the web process")
        yield site
    # Django empties its own tables only, and the last rows come when the process ends.
    with psycopg.connect(database_url(), autocommit=True) as database:
        database.execute("TRUNCATE request_logs, error_logs")


@pytest.fixture
def key(stage: Stage) -> str:
    """The key of a worker."""
    return keys.issue(UserFactory(role=Role.WORKER))


@pytest.fixture
def start(stage: Stage, site: str, key: str) -> Iterator[Start]:
    """Start a worker; environment variables change how."""
    workers: list[NodeWorker] = []

    def start(site: str = site, **environment: str) -> NodeWorker:
        workers.append(NodeWorker(stage, site, environment.pop("key", key), **environment))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


def function(title: str, **fields: Any) -> Function:
    return Function.objects.create(language="node", title=title, language_title=f"node-{title}", **fields)


def submit(title: str, payload: dict[str, Any] | None = None, **options: Any) -> str:
    """Register a function and submit a job of it."""
    if not Function.objects.filter(language_title=f"node-{title}").exists():
        function(title)
    return str(enqueue(f"node-{title}", payload or {}, **options).id)


class Client:
    """A program that uses the API."""

    def __init__(self, site: str, role: Role = Role.USER) -> None:
        self.site = site
        self.headers = {"Authorization": f"Bearer {keys.issue(UserFactory(role=role))}"}

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        url = f"{self.site}/api/v1{path}"
        answer = urllib3.request("POST", url, json=body, headers=self.headers, retries=False, timeout=40)
        return answer.status, answer.json()


def test_a_function_is_registered_invoked_and_done_by_node(stage: Stage, site: str, start: Start) -> None:
    start()
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    new = {"language": "node", "title": "digest", "schema_definition": schema}
    assert Client(site, Role.OPERATOR).post("/functions", new)[0] == 201

    caller = Client(site)
    assert caller.post("/functions/node-digest/invoke", {"params": {"text": 5}})[0] == 422
    status, answer = caller.post("/functions/node-digest/invoke?wait=30", {"params": {"text": "駅伝"}})

    assert (status, answer["status"], answer["cached"]) == (200, "completed", False)
    result = {"algorithm": "sha256", "digest": sha256("駅伝".encode()).hexdigest()}
    assert answer["result"] == result
    row = wait_until(lambda: logged(stage, answer["job_id"], 200), why="the request log")
    assert row["response_payload"] == result
    assert row["runtime_metrics"]["attempts"] == 1 and row["runtime_metrics"]["run_ms"] > 0

    wrong = {"params": {"text": "x", "algorithm": "none"}}
    status, answer = caller.post("/functions/node-digest/invoke?wait=30", wrong)
    assert (status, answer["code"], answer["error"]["class"]) == (502, "function-failed", "NonRetryableError")
    assert wait_until(lambda: logged(stage, answer["job_id"], 500), why="the request log")


def logged(stage: Stage, job_id: str, status: int) -> Any:
    """Give the request's row in the log, once its work has ended so."""
    return stage.db.execute(
        "SELECT * FROM request_logs WHERE id = %s AND status_code = %s", [job_id, status]
    ).fetchone()


def test_each_way_to_fail_has_its_end(stage: Stage, start: Start) -> None:
    fails, throws = submit("fail", max_retries=1), submit("throw", max_retries=0)
    hopeless, limited = submit("hopeless"), submit("limited", max_retries=0)
    results = {of: submit("result", {"of": of}, max_retries=9) for of in ("bigint", "large", "nul", "nothing")}
    start()

    row = stage.wait_for_status(fails, "dead_letter")
    assert (row["attempt"], row["retry_count"]) == (2, 1)
    error = row["error_details"]
    assert (error["error_class"], error["kind"]) == ("TileServerDown", "retryable")
    assert error["message"] == "tiles.example.org: \ufffd refused"
    assert "node_handlers.mjs" in error["traceback"]
    assert stage.wait_for_status(throws, "dead_letter")["error_message"] == "a text"
    row = stage.wait_for_status(hopeless, "dead_letter")
    assert (row["attempt"], row["error_details"]["error_class"]) == (1, "NonRetryableError")
    row = stage.wait_for_status(limited, "completed")
    assert (row["attempt"], row["retry_count"], row["result"]) == (3, 0, "served")
    for of in ("bigint", "large", "nul"):
        row = stage.wait_for_status(results[of], "dead_letter")
        assert (row["attempt"], row["error_details"]["error_class"]) == (1, "UnusableResult"), of
    assert stage.wait_for_status(results["nothing"], "completed")["result"] is None


def test_a_handler_that_outlives_its_timeout_ends(stage: Stage, start: Start) -> None:
    obedient, stubborn = (submit(title, {"gate": "x"}, timeout=0.3, max_retries=0) for title in ("gate", "stubborn"))
    worker = start()
    for job in (obedient, stubborn):
        row = stage.wait_for_status(job, "dead_letter")
        assert (row["error_details"]["error_class"], row["error_details"]["kind"]) == ("JobTimeout", "timeout")
    # What comes of it later is nobody's concern.
    stage.open("x")
    stage.wait_for_event("too late", stubborn)
    assert worker.terminate() == 0
    assert stage.job(stubborn)["status"] == "dead_letter"


def test_a_long_job_keeps_its_lock_and_tells_its_progress(stage: Stage, start: Start) -> None:
    job = submit("gate", {"gate": "x"})
    start(EKIDEN_LOCK_SECONDS="1")
    stage.wait_for_event("begun", job)
    ends = {lock["expires_at"] for lock in [stage.lock(job)] if lock}

    def renewed() -> bool:
        lock = stage.lock(job)
        assert lock is not None
        ends.add(lock["expires_at"])
        return len(ends) > 4

    wait_until(renewed)
    assert stage.db.execute("SELECT cleanup_expired_locks() AS n").fetchone() == {"n": 0}
    assert stage.job(job)["progress_message"] == "at the gate"
    stage.open("x")
    assert stage.wait_for_status(job, "completed")["attempt"] == 1


def test_a_cancelled_job_is_stopped(stage: Stage, site: str, start: Start) -> None:
    job = submit("gate", {"gate": "x"})
    start()
    stage.wait_for_event("begun", job)
    assert Client(site, Role.OPERATOR).post(f"/jobs/{job}/cancel", {})[0] == 200
    stage.wait_for_event("stopped", job)
    assert stage.wait_for_status(job, "cancelled")["attempt"] == 1


def rescue(stage: Stage) -> None:
    """Do what any Ekiden worker does every few seconds."""

    def rescued() -> bool:
        row = stage.db.execute("SELECT cleanup_expired_locks() AS n").fetchone()
        return row is not None and row["n"] == 1

    wait_until(rescued)


def test_the_job_of_a_killed_worker_is_done_by_another(stage: Stage, start: Start) -> None:
    job = submit("gate", {"gate": "x"})
    first = start(EKIDEN_LOCK_SECONDS="1")
    stage.wait_for_event("begun", job)
    first.process.kill()
    second = start()
    stage.open("x")
    rescue(stage)

    row = stage.wait_for_status(job, "completed")
    assert (row["attempt"], row["retry_count"], row["result"]) == (2, 1, {"pid": second.process.pid})
    assert [error["error_class"] for error in row["error_history"]] == ["LostWorker"]


def test_a_worker_that_was_frozen_changes_nothing(stage: Stage, start: Start) -> None:
    job = submit("gate", {"gate": "x"})
    # With a second slot it would have asked for more before it froze, and so be given this job again.
    frozen = start(EKIDEN_LOCK_SECONDS="1", EKIDEN_CONCURRENCY="1")
    stage.wait_for_event("begun", job)
    frozen.process.send_signal(signal.SIGSTOP)
    rescue(stage)
    second = start()
    stage.wait_for_event("begun", job, count=2)
    frozen.process.send_signal(signal.SIGCONT)
    frozen.wait_for_log("attempt 1 is lost|lock-lost")
    stage.open("x")

    row = stage.wait_for_status(job, "completed")
    assert (row["attempt"], row["result"]) == (2, {"pid": second.process.pid})
    assert frozen.terminate() == 0


def test_on_sigterm_it_ends_what_it_began_and_claims_no_more(stage: Stage, start: Start) -> None:
    job = submit("gate", {"gate": "x"})
    worker = start()
    stage.wait_for_event("begun", job)
    worker.process.terminate()
    worker.wait_for_log("1 jobs run on")
    late = submit("gate", {"gate": "x"})
    stage.open("x")

    assert worker.process.wait(30) == 0
    assert stage.job(job)["status"] == "completed"
    assert stage.job(late)["status"] == "pending"


@pytest.mark.parametrize("impatient", [False, True])
def test_after_the_grace_period_it_gives_its_jobs_to_others(stage: Stage, start: Start, impatient: bool) -> None:
    job = submit("stubborn", {"gate": "x"})
    worker = start(EKIDEN_GRACE_SECONDS="60" if impatient else "0.2")
    stage.wait_for_event("begun", job)
    worker.process.terminate()
    if impatient:
        worker.wait_for_log("1 jobs run on")
        worker.process.terminate()

    assert worker.process.wait(30) == 0
    row = stage.job(job)
    assert (row["status"], row["attempt"], row["retry_count"], row["error_history"]) == ("pending", 1, 0, [])


@pytest.fixture
def proxy(site: str) -> Iterator[Proxy]:
    """What stands between the worker and the web process."""
    proxy = Proxy(int(site.rsplit(":", 1)[1]))
    yield proxy
    proxy.close()


def test_it_outlives_a_server_that_is_away(stage: Stage, start: Start, proxy: Proxy) -> None:
    job = submit("gate", {"gate": "x"})
    worker = start(f"http://127.0.0.1:{proxy.port}", EKIDEN_LOCK_SECONDS="30")
    stage.wait_for_event("begun", job)
    wait_until(lambda: stage.job(job)["progress"] == 40)
    proxy.swallow = lambda sent: True
    for link in proxy.links:
        link.cut()
    worker.wait_for_log("fetch failed; again in")
    proxy.swallow = lambda sent: False
    stage.open("x")

    assert stage.wait_for_status(job, "completed")["attempt"] == 1
    assert worker.terminate() == 0


def test_a_result_whose_answer_was_lost_is_handed_in_again(stage: Stage, start: Start, proxy: Proxy) -> None:
    job = submit("gate", {"gate": "x"})
    worker = start(f"http://127.0.0.1:{proxy.port}", EKIDEN_LOCK_SECONDS="30")
    stage.wait_for_event("begun", job)
    lost: list[bytes] = []

    def swallow_once(sent: bytes) -> bool:
        if b"/worker/complete" not in sent or lost:
            return False
        lost.append(sent)
        return True

    proxy.swallow = swallow_once
    stage.open("x")

    worker.wait_for_log(f"job {job} attempt 1: complete did not get through")
    # The key of the request brings the answer of the first time; without it the lock would seem to be lost.
    worker.wait_for_log(f"job {job} attempt 1: completed")
    assert stage.job(job)["status"] == "completed"


def test_it_waits_as_long_as_the_server_says(stage: Stage, start: Start) -> None:
    poor = UserFactory(role=Role.WORKER, rate_limit_per_minute=1)
    worker = start(key=keys.issue(poor), EKIDEN_WAIT_SECONDS="0")
    seconds = worker.wait_for_log(r"429 rate-limit-exceeded.*again in ([\d.]+) s")[1]
    # Longer than its own patience would be after so few refusals.
    assert float(seconds) > 1
    assert worker.terminate() == 0


def test_a_wrong_key_ends_it(stage: Stage, start: Start) -> None:
    worker = start(key="ekiden_live_nonsense")
    assert worker.process.wait(30) == 1
    assert "401 invalid-key" in worker.log


def test_it_says_what_it_needs(stage: Stage) -> None:
    done = subprocess.run([str(NODE), "docs/examples/worker.mjs"], cwd=ROOT, capture_output=True, text=True, env={})
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage:" in done.stderr
