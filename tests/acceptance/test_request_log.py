"""The request log of real processes: a row for every request, completed when its work ends, whoever has to stop."""

import http.client
import json
import secrets
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from accounts import keys
from tests.acceptance.stage import ROOT, Stage, wait_until
from tests.factories import UserFactory

CLIENTS = 4
ENOUGH = 60


class Web:
    """The web process as a deployment runs it."""

    def __init__(self, stage: Stage) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = stage.directory / "web.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws", "--log-level", "warning"),
                    *("--port", str(self.port), "--workers-kill-timeout", "20", "config.asgi:application"),
                ],
                cwd=ROOT,
                env={**stage.environment, "EKIDEN_PROCESS": "web"},
                stdout=output,
                stderr=output,
            )
        wait_until(self._listens, why="the web server")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def submit(
        self, key: str, job_type: str, payload: dict[str, Any], query: str = "", **headers: str
    ) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/jobs{query}",
            json.dumps({"job_type": job_type, "payload": payload}).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read())

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


@pytest.fixture
def key(transactional_db: None) -> str:
    return keys.issue(UserFactory(user_id="anna", rate_limit_per_minute=1_000_000))


@pytest.fixture
def stage_with_log(stage: Stage) -> Iterator[Stage]:
    stage.db.execute("TRUNCATE request_logs, error_logs")
    yield stage
    for worker in stage.workers:
        worker.terminate()
    stage.db.execute("TRUNCATE request_logs, error_logs")


@pytest.fixture
def web(stage_with_log: Stage) -> Iterator[Web]:
    web = Web(stage_with_log)
    yield web
    web.stop()


def submit_until_refused(web: Web, key: str, accepted: list[str], enough: threading.Event) -> None:
    while True:
        try:
            status, job = web.submit(key, "proof_note", {})
        except (OSError, http.client.HTTPException):
            # It has gone; whether the last request was accepted is not for this client to know.
            return
        assert status == 201, job
        accepted.append(job["job_id"])
        if len(accepted) >= ENOUGH:
            enough.set()


def test_a_web_process_told_to_stop_under_load_drops_no_row(stage_with_log: Stage, web: Web, key: str) -> None:
    accepted: list[str] = []
    enough = threading.Event()
    clients = [threading.Thread(target=submit_until_refused, args=[web, key, accepted, enough]) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    assert enough.wait(60)
    web.stop()
    for client in clients:
        client.join(60)
    rows = stage_with_log.db.execute("SELECT id::text FROM request_logs").fetchall()
    jobs = stage_with_log.db.execute("SELECT id::text FROM job_queue").fetchall()
    assert {row["id"] for row in rows} == {job["id"] for job in jobs} >= set(accepted)
    assert "dropped" not in web.log.read_text()


def logged(stage: Stage) -> dict[str, dict[str, Any]]:
    rows = stage.db.execute("SELECT * FROM request_logs").fetchall()
    return {str(row["id"]): row for row in rows}


def test_a_worker_told_to_stop_has_completed_the_rows_of_what_it_ended(
    stage_with_log: Stage, web: Web, key: str
) -> None:
    stage = stage_with_log
    sent = {"User-Agent": "relay/1.0", "X-Request-ID": "a-run", "X-Private": "nobody's business"}
    done, failed, hung = (
        web.submit(key, job_type, {}, **sent)[1]["job_id"]
        for job_type in ("proof_note", "proof_hopeless", "proof_hang")
    )
    worker = stage.worker()
    for job_id in (done, failed, hung):
        wait_until(lambda job_id=job_id: stage.job(job_id)["status"] in ("completed", "dead_letter"))
    assert worker.terminate() == 0
    wait_until(lambda: len(logged(stage)) == 3)
    rows = logged(stage)
    assert {job_id: rows[job_id]["status_code"] for job_id in rows} == {done: 200, failed: 500, hung: 504}
    row = rows[done]
    assert (row["request_id"], row["user_id"], row["language_title"]) == ("a-run", "anna", "python-proof_note")
    assert (row["client_ip"], row["response_payload"], row["request_payload"]) == ("127.0.0.1", 0, {})
    assert row["duration_ms"] > 0
    assert {"queue_wait_ms", "run_ms", "cpu_ms", "memory_usage_mb", "attempts"} <= row["runtime_metrics"].keys()
    headers = row["request_headers"]
    assert (headers["user-agent"], headers["x-private"]) == ("relay/1.0", "[redacted]")
    assert rows[failed]["error_details"]["error_class"] == "NonRetryableError"
    errors = stage.db.execute("SELECT * FROM error_logs ORDER BY timestamp").fetchall()
    assert {str(error["request_log_id"]) for error in errors} == {failed, hung}
    assert all(error["user_id"] == "anna" and error["context"]["worker"] for error in errors)


class Canaries:
    """A secret for each place, none of which may be found again."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def sing(self, place: str, shape: str = "{}") -> str:
        song = f"canary{secrets.token_hex(12)}"
        self.made[place] = song
        return shape.format(song)

    def heard_in(self, text: str) -> list[str]:
        return [place for place, song in self.made.items() if song in text]


#: What a handler is given must be kept for it, and an answer that shows it for those who ask again.
KEPT = {"job_queue": "payload", "job_dead_letter_queue": "payload", "idempotent_requests": "body"}


def whole_database(stage: Stage) -> Iterator[tuple[str, str]]:
    tables = stage.db.execute(
        "SELECT c.oid::regclass::text AS name, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname IN ('public', 'meta', 'analytics')"
    ).fetchall()
    for table in tables:
        kept = KEPT.get(table["relname"], "")
        rows = stage.db.execute(f"SELECT (to_jsonb(t) - '{kept}')::text AS row FROM {table['name']} t").fetchall()
        yield table["relname"], "\n".join(row["row"] for row in rows)


def test_secrets_that_are_sent_everywhere_are_found_nowhere(stage_with_log: Stage, web: Web, key: str) -> None:
    stage, canaries = stage_with_log, Canaries()
    canaries.made["api key"] = key.removeprefix("ekiden_live_")
    github, openai = "ghp_{}", "sk-proj-{}"
    headers = {
        "Cookie": canaries.sing("cookie", "sessionid={}; theme=dark"),
        "X-Api-Key": canaries.sing("x-api-key"),
        "X-Amz-Security-Token": canaries.sing("x-amz"),
        "Proxy-Authorization": canaries.sing("proxy", "Basic {}"),
        "Referer": canaries.sing("referer", "https://x.example/?token={}"),
        "User-Agent": canaries.sing("user agent", f"relay/1.0 {github}"),
        "X-Request-ID": canaries.sing("request id", github),
        "X-Forwarded-For": canaries.sing("forwarded"),
    }
    body = {
        "password": canaries.sing("password"),
        "api_token": canaries.sing("telling name"),
        "text": canaries.sing("shape in a text", f"please use {github} for it"),
        "note": canaries.sing("key in a key", '{{"client_secret": "{}"}}'),
        "url": canaries.sing("url", "https://anna:{}@db.example/x"),
        canaries.sing("name", openai): "x",
    }
    once = {"Idempotency-Key": canaries.sing("idempotency key", openai)}
    status, job = web.submit(key, "proof_blab", body, **headers, **once)
    assert status == 201, job
    # Refused ones are logged too: an unknown type, a payload that fits no schema, a parameter nobody knows.
    web.submit(key, canaries.sing("job type", openai), body, **headers)
    web.submit(key, "proof_note", {"n": canaries.sing("wrong value", github), **body}, **headers)
    web.submit(key, "proof_note", {}, query=canaries.sing("query", "?api_key={}"), **headers)
    worker = stage.worker()
    wait_until(lambda: stage.job(job["job_id"])["status"] == "dead_letter")
    worker.terminate()
    web.stop()
    assert len(logged(stage)) >= 3
    assert stage.db.execute("SELECT FROM error_logs").rowcount == 2
    found = {table: heard for table, text in whole_database(stage) if (heard := canaries.heard_in(text))}
    assert found == {}
    assert canaries.heard_in(web.log.read_text()) == []
    assert canaries.heard_in(worker.log) == []
