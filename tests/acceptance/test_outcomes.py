"""Retries, waits, cancels, progress and poisoned rows, through a real worker."""

import json

import psycopg
import pytest

from tests.acceptance.stage import wait_until


def test_retries_wait_longer_each_time_and_end_in_a_dead_letter(stage):
    job = stage.submit("proof_fail", max_retries=2)
    worker = stage.worker()
    row = stage.wait_for_status(job, "dead_letter")
    first, second, third = [event["at"] for event in stage.events("run", job)]
    # Whoever looks late makes them longer, never shorter.
    assert 1.0 <= second - first < 10
    assert 2.0 <= third - second < 10
    assert (row["attempt"], row["retry_count"]) == (3, 2)
    assert [entry["attempt"] for entry in row["error_history"]] == [1, 2, 3]
    assert row["error_message"] == "it broke"
    assert "ordinary.py:fail" in row["error_history"][0]["frame"]
    assert worker.terminate() == 0


def test_waits_that_cost_no_retry(stage):
    limited = stage.submit("proof_limited", {"times": 3}, max_retries=0)
    snoozed = stage.submit("proof_snooze", {"times": 3}, max_retries=0)
    hopeless = stage.submit("proof_hopeless", max_retries=9)
    worker = stage.worker(poll_interval="2m")
    for job, result in ((limited, "served"), (snoozed, "awake")):
        row = stage.wait_for_status(job, "completed")
        assert (row["result"], row["attempt"], row["retry_count"]) == (result, 4, 0)
    row = stage.wait_for_status(hopeless, "dead_letter")
    assert (row["attempt"], row["retry_count"]) == (1, 0)
    assert worker.terminate() == 0


def test_rows_put_in_by_hand_that_no_handler_can_take_die_by_themselves(stage):
    deep = "[" * 5000 + "]" * 5000
    poison = {
        "unknown": stage.submit("proof_nobody", {}),
        "empty": stage.submit("", {}),
        "array": stage.submit("proof_note", [1, 2]),
        "null": stage.submit("proof_note", None) and stage.submit("proof_note", "text"),
        "extra": stage.submit("proof_note", {"m": 1}),
        "wrong": stage.submit("proof_anote", {"n": "many"}),
        "process": stage.submit("proof_pgate", {"name": 3}),
        "atomic": stage.submit("proof_write", {"name": 3}),
        "digits": stage.db.execute(
            "INSERT INTO job_queue (job_type, payload)"
            " VALUES ('proof_note', ('{\"n\": ' || repeat('9', 6000) || '}')::jsonb) RETURNING id"
        ).fetchone()["id"],
        "deep": stage.db.execute(
            "INSERT INTO job_queue (job_type, payload) VALUES ('proof_note', %s::jsonb) RETURNING id", [deep]
        ).fetchone()["id"],
    }  # fmt: skip
    fine = stage.submit_many("proof_note", 20)
    worker = stage.worker()
    for job in fine:
        stage.wait_for_status(job, "completed")
    for what, job in poison.items():
        # Not the whole row: this process cannot read its payload either.
        row = "SELECT status, attempt, cardinality(error_history) AS errors FROM job_queue WHERE id = %s"
        wanted = {"status": "dead_letter", "attempt": 1, "errors": 1}
        wait_until(lambda job=job, row=row, wanted=wanted: stage.db.execute(row, [job]).fetchone() == wanted, why=what)
    assert stage.events("run", poison["process"]) == []
    assert "Traceback" not in worker.log
    assert worker.terminate() == 0


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "294000-01-01", "4000-01-01 BC", "1999-12-31"])
def test_times_that_python_cannot_read_are_kept_out_by_the_database(stage, moment):
    """One such row would stop every worker that came upon it."""
    with pytest.raises(psycopg.errors.CheckViolation, match="job_scheduled_at_readable"):
        stage.submit("proof_note", scheduled_at=moment)


@pytest.mark.parametrize("timeout", ["NaN", "Infinity", "-1", "1e300"])
def test_odd_timeouts_of_rows_put_in_by_hand_stall_nothing(stage, timeout):
    for kind in ("proof_work", "proof_awork"):
        stage.submit(kind, {"seconds": 0.2}, timeout=float(timeout))
    worker = stage.worker(concurrency=1)
    for job in stage.submit_many("proof_ahang", 2, max_retries=0):
        stage.wait_for_status(job, "dead_letter")
    assert worker.terminate() == 0


def cancel(stage, job):
    """As the API does it, from any language."""
    stage.db.execute(
        "UPDATE job_queue SET cancel_requested_at = now(),"
        " status = CASE status WHEN 'pending' THEN 'cancelled' ELSE status END"
        " WHERE id = %s", [job])  # fmt: skip
    stage.db.execute("SELECT pg_notify('ekiden_jobs', '!' || %s)", [job])


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("proof_heedful", {}), ("proof_agate", {}), ("proof_pgate", {"heed": True}), ("proof_pgate", {})],
)
def test_running_jobs_are_cancelled(stage, kind, payload):
    job = stage.submit(kind, payload)
    worker = stage.worker()
    stage.wait_for_event("run", job)
    cancel(stage, job)
    row = stage.wait_for_status(job, "cancelled")
    assert (row["attempt"], row["retry_count"], row["result"]) == (1, 0, None)
    assert len(stage.events("run", job)) == 1
    assert stage.no_locks_left()
    assert worker.terminate() == 0


def test_cancels_that_nobody_announced_are_noticed(stage):
    job = stage.submit("proof_heedful")
    worker = stage.worker()
    stage.wait_for_event("run", job)
    stage.db.execute("UPDATE job_queue SET cancel_requested_at = now() WHERE id = %s", [job])
    stage.wait_for_status(job, "cancelled")
    assert worker.terminate() == 0


def test_a_handler_that_does_not_heed_its_cancel_keeps_its_result(stage):
    job = stage.submit("proof_gate")
    worker = stage.worker()
    stage.wait_for_event("run", job)
    cancel(stage, job)
    stage.open()
    assert stage.wait_for_status(job, "completed")["result"]
    assert worker.terminate() == 0


def test_jobs_cancelled_before_a_slot_took_them_never_run(stage):
    for job in (warm := stage.submit_many("proof_note", 400)):
        assert job
    worker = stage.worker(concurrency=1, batch_size=50)
    stage.wait_for_status(warm[-1], "completed")
    jobs = stage.submit_many("proof_gate", 5)
    first = stage.wait_for_event("run", count=401)["job"]
    waiting = [job for job in jobs if job != first]
    for job in waiting:
        cancel(stage, job)
    for job in waiting:
        stage.wait_for_status(job, "cancelled")
    stage.open()
    stage.wait_for_status(first, "completed")
    assert [event["job"] for event in stage.events("run")][400:] == [first]
    assert worker.terminate() == 0


def test_progress_is_seen_while_the_job_runs(stage):
    job = stage.submit("proof_progress")
    worker = stage.worker()
    row = wait_until(lambda: (row := stage.job(job))["progress"] and row)
    assert (row["progress"], row["progress_message"], row["status"]) == (40, "reading", "processing")
    stage.open()
    assert stage.wait_for_status(job, "completed")["progress"] == 100
    assert worker.terminate() == 0


def test_an_atomic_handlers_writes_and_outcome_are_one(stage):
    job = stage.submit("proof_write")
    failing = stage.submit("proof_write", {"then": "raise"})
    worker = stage.worker()
    stage.wait_for_event("run", job)
    assert stage.effects(job) == []
    stage.open()
    assert stage.wait_for_status(job, "completed")["result"] == "written"
    assert stage.effects(job) == [1]
    assert stage.wait_for_status(failing, "completed")["attempt"] == 2
    assert stage.effects(failing) == [2]
    assert worker.terminate() == 0


def test_an_atomic_handler_that_lost_its_lock_rolls_back(stage):
    job = stage.submit("proof_write")
    worker = stage.worker("--no-maintenance", lock_duration="60s")
    stage.wait_for_event("run", job)
    # Somebody else takes the job: another token.
    stage.db.execute("UPDATE job_processing_locks SET lock_token = nextval('job_lock_token_seq'), worker_id = 'other'")
    stage.open()
    worker.wait_for_log("lock_lost")
    assert stage.effects(job) == []
    assert stage.job(job)["status"] == "processing"
    jobs = stage.submit_many("proof_gate", 5)
    for each in jobs:
        stage.wait_for_status(each, "completed")
    assert worker.terminate() == 0


def test_counts_of_outcomes_reach_the_database(stage):
    stage.submit_many("proof_note", 7)
    stage.submit("proof_hopeless")
    assert stage.worker("--drain", ready=False).wait() == 0
    rows = stage.db.execute("SELECT job_type, outcome, count, histogram FROM job_outcome_counters").fetchall()
    counted = {(row["job_type"], row["outcome"]): row["count"] for row in rows}
    assert counted == {("proof_note", "completed"): 7, ("proof_hopeless", "deadlettered"): 1}, json.dumps(
        rows, default=str
    )
