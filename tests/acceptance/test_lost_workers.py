"""Workers that are killed, frozen or forgotten: no job is lost, none is finished twice."""

import signal

import pytest

from tests.acceptance import history
from tests.acceptance.stage import wait_until


@pytest.mark.parametrize("kind", ["proof_gate", "proof_agate", "proof_pgate", "proof_progress", "proof_write"])
def test_the_late_word_of_a_frozen_worker_changes_nothing(watched, kind):
    stage = watched
    job = stage.submit(kind)
    zombie = stage.worker("--no-maintenance")
    stage.wait_for_event("run", job)
    other_job = stage.submit(kind, {"name": "never"}) if kind == "proof_gate" else None
    if other_job:
        stage.wait_for_event("run", other_job)
    zombie.freeze()
    heir = stage.worker()
    stage.wait_for_event("run", job, count=2, seconds=40)
    stage.open()
    row = stage.wait_for_status(job, "completed")
    assert (row["attempt"], row["retry_count"]) == (2, 1)
    assert row["error_history"][0]["error_class"] == "LostWorker"
    version = row["version"]
    zombie.thaw()
    zombie.wait_for_log("lock_lost")
    after = stage.submit("proof_note")
    stage.wait_for_status(after, "completed")
    row = stage.job(job)
    assert (row["version"], row["attempt"]) == (version, 2)
    if kind == "proof_write":
        assert stage.effects(job) == [2]
    history.check(stage.db)
    stage.open("never")
    # The zombie is a worker like any other again.
    heir.kill()
    again = stage.submit("proof_note")
    stage.wait_for_status(again, "completed")
    assert zombie.terminate() == 0


def test_a_frozen_worker_that_was_not_missed_goes_on(stage):
    """Nobody took its job: the token still matches, so the outcome counts, whatever the clock says."""
    job = stage.submit("proof_gate")
    worker = stage.worker("--no-maintenance")
    stage.wait_for_event("run", job)
    stage.db.execute("UPDATE job_processing_locks SET expires_at = now() - interval '1 hour'")
    stage.open()
    row = stage.wait_for_status(job, "completed")
    assert row["attempt"] == 1
    assert worker.terminate() == 0


def test_workers_of_one_host_name_are_strangers(stage):
    """Restarted in the same place, a worker is not its own past: the old lock still runs out."""
    job = stage.submit("proof_gate")
    first = stage.worker()
    second = stage.worker()
    stage.wait_for_event("run", job)
    assert len(stage.db.execute("SELECT DISTINCT id, pid, hostname FROM job_workers").fetchall()) == 2
    assert len(stage.db.execute("SELECT DISTINCT hostname FROM job_workers").fetchall()) == 1
    holder, other = (first, second) if stage.events("run")[0]["pid"] == first.pid else (second, first)
    holder.kill()
    restarted = stage.worker()
    stage.wait_for_event("run", job, count=2)
    assert stage.lock(job)["worker_id"].split(":")[1] in {str(other.pid), str(restarted.pid)}
    stage.open()
    row = stage.wait_for_status(job, "completed")
    assert (row["attempt"], row["retry_count"]) == (2, 1)
    for worker in (other, restarted):
        assert worker.terminate() == 0


def test_a_worker_whose_row_is_deleted_signs_on_again_and_keeps_its_jobs(stage):
    job = stage.submit("proof_gate")
    worker = stage.worker()
    stage.wait_for_event("run", job)
    stage.db.execute("DELETE FROM job_workers")
    wait_until(lambda: stage.db.execute("SELECT FROM job_workers WHERE stopped_at IS NULL").fetchall())
    stage.open()
    assert stage.wait_for_status(job, "completed")["attempt"] == 1
    assert worker.terminate() == 0


def test_jobs_of_a_dead_worker_without_a_row_come_back(stage):
    job = stage.submit("proof_gate")
    lost = stage.worker("--no-maintenance")
    stage.wait_for_event("run", job)
    lost.kill()
    stage.db.execute("DELETE FROM job_workers")
    worker = stage.worker()
    stage.wait_for_event("run", job, count=2)
    stage.open()
    assert stage.wait_for_status(job, "completed")["attempt"] == 2
    assert worker.terminate() == 0


@pytest.mark.parametrize("kind", ["proof_heedful", "proof_agate"])
def test_a_lock_deleted_by_hand_fences_its_holder_and_the_job_comes_back(stage, kind):
    job = stage.submit(kind)
    worker = stage.worker()
    stage.wait_for_event("run", job)
    stage.db.execute("DELETE FROM job_processing_locks")
    # The rescue leaves new claims ten seconds to become whole; it need not be waited for here.
    stage.db.execute("UPDATE job_queue SET started_at = started_at - interval '1 minute' WHERE id = %s", [job])
    worker.wait_for_log("lock_lost")
    stage.wait_for_event("run", job, count=2)
    stage.open()
    row = stage.wait_for_status(job, "completed")
    assert (row["attempt"], row["retry_count"]) == (2, 1)
    assert worker.terminate() == 0


def test_a_poison_job_that_kills_every_worker_is_given_up(stage):
    job = stage.submit("proof_gate", max_retries=1)
    for attempt in (1, 2):
        worker = stage.worker()
        stage.wait_for_event("run", job, count=attempt)
        worker.kill()
    worker = stage.worker()
    row = stage.wait_for_status(job, "dead_letter")
    assert [error["error_class"] for error in row["error_history"]] == ["LostWorker", "LostWorker"]
    letters = stage.db.execute("SELECT * FROM job_dead_letter_queue WHERE original_job_id = %s", [job]).fetchall()
    assert len(letters) == 1 and letters[0]["resolution_status"] == "open"
    assert worker.process.poll() is None
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
