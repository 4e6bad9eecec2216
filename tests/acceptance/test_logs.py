"""Every line of a worker is an object that says which job it is of, wherever it was written."""

import json
from typing import Any

FIELDS = {"time", "level", "logger", "message"}
OF_JOBS = {
    "proof_says": ["by the context", "said in a map 0", "said in a map 1", "said in a thread"],
    "proof_asays": ["said beside a coroutine", "said in a coroutine"],
    "proof_psays": ["said in a process"],
}


def test_lines_of_all_kinds_of_handlers(stage: Any) -> None:
    jobs = {kind: stage.submit(kind, queue="talk", request_id=f"req-{kind}") for kind in OF_JOBS}
    worker = stage.worker(env={"LOG_FORMAT": "json"}, lock_duration="60s")
    for job in jobs.values():
        stage.wait_for_status(job, "completed", seconds=60)
    failed = stage.submit("proof_fails_aloud", request_id="req-failed", max_retries=0)
    stage.wait_for_status(failed, "dead_letter")
    worker.wait_for_log("gave up")
    assert worker.terminate() == 0

    lines = [json.loads(line) for line in worker.log.splitlines()]
    assert all(line.keys() >= FIELDS for line in lines)
    assert len({line["worker"] for line in lines}) == 1, "the worker's own lines name it too"
    for kind, wanted in OF_JOBS.items():
        own = {"job": jobs[kind], "job_type": kind, "attempt": 1, "queue": "talk", "request_id": f"req-{kind}"}
        told = [line for line in lines if line.get("job") == jobs[kind]]
        assert sorted(line["message"] for line in told) == sorted(wanted)
        assert all(line.items() >= own.items() for line in told)
    assert next(line for line in lines if line["message"] == "by the context")["pages"] == 3

    for kind, wanted in OF_JOBS.items():
        kept = stage.db.execute("SELECT message FROM job_log_lines WHERE job_id = %s", [jobs[kind]]).fetchall()
        assert sorted(row["message"] for row in kept) == sorted(wanted), "kept beside the job, whatever ran it"

    (raised,) = [line for line in lines if line["message"] == "it\nfailed"]
    assert raised["job"] == failed and raised["exception"]["type"] == "builtins.ValueError"
    (given_up,) = [line for line in lines if line["message"].startswith("gave up")]
    assert (given_up["level"], given_up["job"], given_up["request_id"]) == ("ERROR", failed, "req-failed")
    assert "hunter2" not in worker.log


def test_lines_for_people(stage: Any) -> None:
    job = stage.submit("proof_fails_aloud", max_retries=0)
    worker = stage.worker(env={"LOG_FORMAT": "text"}, lock_duration="60s")
    stage.wait_for_status(job, "dead_letter")
    worker.wait_for_log("gave up")
    assert worker.terminate() == 0

    assert f"job={job}  job_type=proof_fails_aloud  attempt=1" in worker.log
    assert not [line for line in worker.log.splitlines() if line.startswith("2026-01-01")], "forged"
