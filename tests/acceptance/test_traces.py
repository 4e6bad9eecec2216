"""One trace from a request over the queue to the handler, at a real collector."""

import json
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import keys
from accounts.roles import Role
from tests import web_process
from tests.acceptance.stage import wait_until
from tests.factories import UserFactory
from tests.otlp_collector import Collector, Span, running

SERVER, PRODUCER, CONSUMER = 2, 4, 5
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KINDS = ["proof_traced", "proof_atraced", "proof_ptraced"]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running() as collector:
        yield collector


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def post(port: int, key: str, body: dict[str, Any], **headers: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/jobs",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}", **headers},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_one_trace_from_a_request_to_its_handlers(stage: Any, collector: Collector, tmp_path: Path) -> None:
    user = UserFactory(role=Role.USER)
    key = keys.issue(user)
    # One slot, and so one child process.
    worker = stage.worker(env={**collector.environment, "LOG_FORMAT": "json"}, concurrency=1, lock_duration="60s")
    web = {**collector.environment, "DJANGO_SETTINGS_MODULE": "tests.acceptance.settings"}
    with web_process.running("config.asgi:application", tmp_path / "web.log", **web) as port:
        wait_until(lambda: listens(port), why="the web server")
        jobs = {
            kind: post(port, key, {"type": kind, "payload": {"fails": True}}, traceparent=f"00-{TRACE}-{PARENT}-01")[
                "job_id"
            ]
            for kind in KINDS
        }
        strange = post(port, key, {"type": "proof_traced_last", "payload": {}}, traceparent="00-nonsense")
        for job in [*jobs.values(), strange["job_id"]]:
            stage.wait_for_status(job, "completed", seconds=60)
        wait_until(lambda: stage.counts()["completed"] == 7, why="the jobs that followed")
        listed = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/jobs/{jobs['proof_traced']}", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(listed, timeout=60) as answer:
            assert json.load(answer)["trace_id"] == TRACE
    assert worker.terminate() == 0

    assert {span.service for span in collector.spans} == {"ekiden-web", "ekiden-worker"}
    for kind, job in jobs.items():
        follow_a_job(collector, kind, job)
    (own,) = [
        span for span in collector.of_kind(CONSUMER) if span.attributes["messaging.message.id"] == strange["job_id"]
    ]
    assert own.trace_id != TRACE
    assert not any("hunter2" in str(span) for span in collector.spans)
    lines = [json.loads(line) for line in worker.log.splitlines()]
    said = [line for line in lines if line["message"] in ("said in a trace", "jobs.attempts")]
    assert said and all(line["trace_id"] == TRACE for line in said)
    failed = [line for line in lines if line["message"].startswith("failed, again")]
    assert len(failed) == 3 and all(line["trace_id"] == TRACE for line in failed)


def follow_a_job(collector: Collector, kind: str, job: str) -> None:
    def of_job(span: Span) -> bool:
        return span.attributes.get("messaging.message.id") == job

    (sent,) = [span for span in collector.of_kind(PRODUCER) if of_job(span)]
    (request,) = [span for span in collector.of_kind(SERVER) if span.span_id == sent.parent_id]
    assert (request.trace_id, request.parent_id, request.name) == (TRACE, PARENT, "POST /api/v1/jobs")
    assert request.attributes["http.response.status_code"] == 201
    failed, done = sorted(
        (span for span in collector.of_kind(CONSUMER) if of_job(span)),
        key=lambda span: span.attributes["ekiden.job.attempt"],
    )
    for span in (failed, done):
        assert (span.trace_id, span.parent_id, span.name) == (TRACE, sent.span_id, "process default")
        assert span.attributes["ekiden.job.type"] == kind and span.attributes["messaging.system"] == "ekiden"
    assert (failed.attributes["ekiden.job.outcome"], failed.status) == ("retry", 2)
    assert failed.attributes["error.type"] == "builtins.ValueError" and "[redacted]" in failed.message
    (exception,) = failed.events
    assert exception["exception.type"] == "builtins.ValueError" and "_inner" in exception["exception.stacktrace"]
    assert (done.attributes["ekiden.job.outcome"], done.status, done.events) == ("completed", 0, [])
    inner = [
        span for span in collector.spans if span.name == "inner" and span.parent_id in (failed.span_id, done.span_id)
    ]
    assert len(inner) == 2, "libraries' spans are within the attempt's"
    after = [span for span in collector.of_kind(PRODUCER) if span.parent_id in {span.span_id for span in inner}]
    assert len(after) == 2 and {span.trace_id for span in after} == {TRACE}
    last = [span for span in collector.of_kind(CONSUMER) if span.parent_id in {span.span_id for span in after}]
    assert [span.attributes["ekiden.job.type"] for span in last] == ["proof_traced_last"], "the failed one sent nothing"


def test_a_collector_that_hangs_or_is_gone_disturbs_nobody(stage: Any, collector: Collector) -> None:
    collector.hang.set()
    soon = {**collector.environment, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    workers = [
        stage.worker(ready=False, env=env)
        for env in (soon, {**soon, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    ]
    for worker in workers:
        worker.ready()
    jobs = stage.submit_many("proof_note", 200, {"n": 1})
    wait_until(lambda: stage.counts()["completed"] == len(jobs), 60, "jobs beside collectors that do not answer")
    # Whichever worker was faster; the other has its own spans.
    for worker in workers:
        worker.signal(signal.SIGTERM)
    began = time.monotonic()
    assert [worker.wait() for worker in workers] == [0, 0]
    assert time.monotonic() - began < 25, "the end waits for a collector only so long"
    assert stage.counts() == {"completed": 200}


def test_nothing_is_imported_where_traces_are_off(stage: Any) -> None:
    stage.submit("proof_modules")
    assert stage.worker("--drain", ready=False).wait() == 0
    (row,) = stage.db.execute("SELECT result FROM job_queue").fetchall()
    assert row["result"] == []
