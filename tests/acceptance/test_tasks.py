"""Durable tasks in real workers: killed, frozen, suspended, and told events by many at once."""

import threading
from collections import Counter
from uuid import UUID

from django.db import connections

from jobs import events
from jobs.models import Event
from tests.acceptance import history
from tests.acceptance.stage import Stage, wait_until

SENDERS, EACH = 10, 5


def runs(stage: Stage, job: str) -> Counter[object]:
    return Counter(told["what"] for told in stage.events("task", job))


def wait_until_suspended(stage: Stage, job: str) -> None:
    wait_until(lambda: stage.job(job)["waits_for"] == "event", 30, "the job to wait")


def test_a_killed_workers_job_resumes_behind_what_is_finished(watched: Stage) -> None:
    """And a time-out that falls due while no worker runs is noticed by the next one."""
    stage = watched
    patient = stage.submit("proof_patience", {"seconds": 0.5})
    job = stage.submit("proof_durable")
    first = stage.worker()
    wait_until_suspended(stage, patient)
    wait_until(lambda: runs(stage, job)[3] == 1, 30, "the gate")
    # The item that began last shows that those before it are written.
    wait_until(
        lambda: stage.db.execute(
            "SELECT 1 AS n FROM job_tasks WHERE job_id = %s AND position = 2 AND item = 3 AND status = 'processing'",
            [job],
        ).fetchone(),
        30,
        "the items to be remembered",
    )
    first.kill()
    unfinished = "SELECT name, item FROM job_tasks WHERE job_id = %s AND status = 'processing' ORDER BY place"
    left = stage.db.execute(unfinished, [job]).fetchall()
    assert [(row["name"], row["item"]) for row in left] == [("each", -1), ("each", 3)]
    over = "SELECT 1 AS n FROM job_tasks WHERE job_id = %s AND wake_at < clock_timestamp()"
    wait_until(lambda: stage.db.execute(over, [patient]).fetchone(), 30, "the time-out")
    assert stage.job(patient)["waits_for"] == "event"
    stage.open()
    stage.worker()
    row = stage.wait_for_status(job, "completed")
    assert row["result"] == ["first", 0, 1, 2, 3, 4, "last"]
    assert row["attempt"] == 2
    assert runs(stage, job) == {"first": 1, 0: 1, 1: 1, 2: 1, 3: 2, 4: 1, "last": 1}
    again = stage.db.execute("SELECT attempt FROM job_tasks WHERE job_id = %s AND item = 3", [job]).fetchone()
    assert again is not None
    assert again["attempt"] == 2
    row = stage.wait_for_status(patient, "completed")
    assert row["result"] == "The event 'never' did not come within 0.5 s."
    history.check(stage.db)


def test_the_late_task_of_a_frozen_worker_is_refused(stage: Stage) -> None:
    job = stage.submit("proof_durable")
    zombie = stage.worker("--no-maintenance")
    wait_until(lambda: runs(stage, job)[3] == 1, 30, "the gate")
    zombie.freeze()
    stage.worker()
    wait_until(lambda: runs(stage, job)[3] == 2, 60, "the heir to come to the gate")
    stage.open()
    row = stage.wait_for_status(job, "completed")
    tasks = stage.db.execute("SELECT * FROM job_tasks WHERE job_id = %s ORDER BY place", [job]).fetchall()
    zombie.thaw()
    zombie.wait_for_log("lock_lost")
    # Its handler has come to its end by then, or is told at its next task.
    stage.wait_for_status(stage.submit("proof_note"), "completed")
    assert zombie.terminate() == 0
    assert stage.db.execute("SELECT * FROM job_tasks WHERE job_id = %s ORDER BY place", [job]).fetchall() == tasks
    assert stage.job(job)["version"] == row["version"]
    # One more item may have been in its thread's hands; what comes behind the map never was.
    assert runs(stage, job)["last"] == 1


def test_no_event_is_lost_however_they_meet_the_suspending_job(stage: Stage) -> None:
    """Without a time-out nothing but the events wakes the jobs: one that is lost would leave them waiting for ever."""
    jobs = [stage.submit(kind, {"count": SENDERS * EACH}) for kind in ("proof_ticks", "proof_aticks")]
    child = stage.submit("proof_pdurable")
    stage.worker()
    stage.worker()
    start = threading.Barrier(SENDERS)

    def send(sender: int) -> None:
        try:
            start.wait(60)
            for number in range(EACH):
                for job in jobs:
                    events.send(UUID(job), "tick", {"n": sender * EACH + number})
                # Every other time the jobs have gone back to waiting meanwhile.
                if number % 2:
                    wait_until(lambda: not Event.objects.filter(task=None).exists(), 60, "the jobs to take all")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=[sender]) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for job in jobs:
        row = stage.wait_for_status(job, "completed", seconds=60)
        order = stage.db.execute("SELECT payload FROM job_events WHERE job_id = %s ORDER BY number", [job]).fetchall()
        assert row["result"] == [event["payload"]["n"] for event in order]
        assert sorted(row["result"]) == list(range(SENDERS * EACH))
        for sender in range(SENDERS):
            mine = [number for number in row["result"] if number // EACH == sender]
            assert mine == sorted(mine)
        assert row["retry_count"] == 0
    wait_until_suspended(stage, child)
    assert stage.lock(child) is None
    events.send(UUID(child), "approved", {"by": "ada"})
    row = stage.wait_for_status(child, "completed")
    assert (row["result"], row["retry_count"]) == (["first", "ada"], 0)
    assert runs(stage, child) == {"first": 1}
