"""The ordinary day of a worker."""

import signal

import pytest


@pytest.mark.parametrize("kind", ["proof_note", "proof_anote"])
def test_jobs_run_once_and_keep_their_results(stage, kind):
    jobs = [stage.submit(kind, {"n": n}) for n in range(20)]
    worker = stage.worker()
    for n, job in enumerate(jobs):
        row = stage.wait_for_status(job, "completed")
        assert (row["result"], row["attempt"], row["retry_count"], row["progress"]) == (n, 1, 0, 100)
    late = stage.submit(kind, {"n": 99})
    assert stage.wait_for_status(late, "completed")["result"] == 99
    assert sorted(event["job"] for event in stage.events("run")) == sorted([*jobs, late])
    assert stage.no_locks_left()
    assert worker.terminate() == 0


def test_drain_ends_by_itself(stage):
    stage.submit_many("proof_note", 50)
    stage.submit_many("proof_anote", 50)
    assert stage.worker("--drain", ready=False).wait() == 0
    assert stage.counts() == {"completed": 100}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_worker_stops_at_once(stage, number):
    worker = stage.worker(poll_interval="10m", grace="10m")
    worker.signal(number)
    assert worker.wait() == 0
    assert "has stopped" in worker.log
