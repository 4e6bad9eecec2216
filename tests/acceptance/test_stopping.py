"""SIGTERM: nothing new, the unstarted given back at once, the running ones finished or released."""

import signal

import psutil

from tests.acceptance.stage import wait_until


def processing(stage):
    return stage.counts()["processing"]


def test_sigterm_under_load_gives_back_what_has_not_begun_and_finishes_what_has(stage):
    warm = stage.submit_many("proof_note", 400)
    worker = stage.worker(concurrency=3, batch_size=50, grace="10m")
    for job in warm[-5:]:
        stage.wait_for_status(job, "completed")
    jobs = stage.submit_many("proof_gate", 40)
    stage.wait_for_event("run", jobs[0])
    wait_until(lambda: len([e for e in stage.events("run") if e["job"] in jobs]) == 3)
    worker.signal(signal.SIGTERM)
    wait_until(lambda: processing(stage) == 3, why="the unstarted to be given back")
    rows = stage.db.execute("SELECT attempt, retry_count FROM job_queue WHERE status = 'pending'").fetchall()
    assert len(rows) == 37
    assert all((row["attempt"], row["retry_count"]) == (0, 0) for row in rows)
    beat = "SELECT heartbeat_at, stopping_at, stopped_at FROM job_workers"
    first = wait_until(lambda: (row := stage.db.execute(beat).fetchone())["stopping_at"] and row)
    # Heartbeats go on while it drains, for longer than the locks would last.
    later = [stage.lock(e["job"])["expires_at"] for e in stage.events("run") if e["job"] in jobs]
    wait_until(lambda: stage.db.execute(beat).fetchone()["heartbeat_at"] > first["heartbeat_at"])
    wait_until(lambda: stage.db.execute("SELECT clock_timestamp() > %s AS past", [max(later)]).fetchone()["past"])
    stage.open()
    assert worker.wait() == 0
    assert stage.counts() == {"completed": 403, "pending": 37}
    assert stage.no_locks_left()
    assert stage.db.execute(beat).fetchone()["stopped_at"] is not None
    assert "lock_lost" not in worker.log


def test_given_back_jobs_are_taken_by_others_at_once(stage):
    """Not at their next poll: they are told."""
    holder = stage.worker("--queues=other,default", concurrency=1)
    blocker = stage.submit("proof_gate", queue="other")
    stage.wait_for_event("run", blocker)
    idle = stage.worker("--queues=default", poll_interval="5m", concurrency=1)
    held = stage.submit("proof_gate", {"name": "held"})
    stage.wait_for_event("run", held)
    gone = next(w for w in (holder, idle) if w.pid == stage.events("run", held)[0]["pid"])
    assert gone is idle
    heir = stage.worker("--queues=default", poll_interval="5m", concurrency=1)
    gone.signal(signal.SIGTERM)
    # Two at once would be one.
    gone.wait_for_log(" stops: ")
    gone.signal(signal.SIGTERM)
    assert gone.wait() == 0
    assert stage.wait_for_event("run", held, count=2)["pid"] == heir.pid
    stage.open("held")
    stage.open()
    row = stage.wait_for_status(held, "completed")
    assert (row["attempt"], row["retry_count"]) == (2, 0)


def test_after_the_grace_period_running_jobs_are_released_without_a_retry_used_up(stage):
    kinds = ["proof_gate", "proof_heedful", "proof_agate", "proof_pgate", "proof_write"]
    jobs = [stage.submit(kind) for kind in kinds]
    worker = stage.worker(grace="500ms")
    for job in jobs:
        stage.wait_for_event("run", job)
    children = psutil.Process(worker.pid).children(recursive=True)
    assert worker.terminate() == 0
    for job in jobs:
        row = stage.job(job)
        assert (row["status"], row["attempt"], row["retry_count"]) == ("pending", 1, 0)
        assert stage.effects(job) == []
    assert stage.no_locks_left()
    assert not psutil.wait_procs(children, timeout=10)[1]
    stage.open()
    stage.worker("--drain", ready=False).wait()
    assert stage.counts() == {"completed": len(jobs)}


def test_a_second_sigterm_ends_the_grace_period(stage):
    job = stage.submit("proof_gate")
    worker = stage.worker(grace="10m")
    stage.wait_for_event("run", job)
    worker.signal(signal.SIGTERM)
    worker.wait_for_log("stops")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert stage.job(job)["status"] == "pending"


def test_sigterm_before_the_worker_is_ready_leaves_nothing_claimed(stage):
    stage.submit_many("proof_note", 5)
    worker = stage.worker(ready=False)
    wait_until(lambda: psutil.Process(worker.pid).num_threads() > 1 or worker.log)
    worker.signal(signal.SIGTERM)
    worker.wait()
    assert processing(stage) == 0


def test_supervisor_replaces_a_killed_child_and_stops_all(stage):
    supervisor = stage.worker("--processes=2", ready=False)
    family = psutil.Process(supervisor.pid)
    wait_until(lambda: supervisor.log.count(" works on ") == 2)
    jobs = stage.submit_many("proof_gate", 10)
    stage.wait_for_event("run", count=10)
    victim = psutil.Process(stage.events("run")[0]["pid"])
    assert victim.ppid() == supervisor.pid
    victim.kill()
    wait_until(lambda: supervisor.log.count(" works on ") == 3)
    stage.open()
    for job in jobs:
        stage.wait_for_status(job, "completed")
    children = family.children(recursive=True)
    assert len(children) == 2
    assert supervisor.terminate() == 0
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_supervised_workers_do_not_outlive_a_killed_supervisor(stage):
    supervisor = stage.worker("--processes=2", ready=False)
    wait_until(lambda: supervisor.log.count(" works on ") == 2)
    children = psutil.Process(supervisor.pid).children(recursive=True)
    supervisor.kill()
    assert not psutil.wait_procs(children, timeout=20)[1]


def test_sigterm_while_the_supervisor_starts_reaches_every_child(stage):
    supervisor = stage.worker("--processes=4", grace="60s", ready=False)
    # The first child of all only checks the project, and is gone before there are two.
    wait_until(lambda: len(psutil.Process(supervisor.pid).children()) > 1)
    supervisor.signal(signal.SIGTERM)
    assert supervisor.wait(50) == 0


def test_supervised_drain_ends_by_itself(stage):
    stage.submit_many("proof_note", 200)
    assert stage.worker("--processes=2", "--drain", ready=False).wait() == 0
    assert stage.counts() == {"completed": 200}


def test_a_worker_that_is_one_too_many_lets_its_jobs_end_however_long_they_take(stage):
    """SIGUSR1 claims nothing more and has no grace period; a SIGTERM after it begins one."""
    job = stage.submit("proof_gate")
    worker = stage.worker(grace="200ms")
    stage.wait_for_event("run", job)
    worker.signal(signal.SIGUSR1)
    worker.wait_for_log("1 jobs run on to their end")
    later = stage.submit("proof_note")
    # For longer than the grace period and the lock.
    expires = stage.lock(job)["expires_at"]
    wait_until(lambda: stage.db.execute("SELECT clock_timestamp() > %s AS past", [expires]).fetchone()["past"])
    assert (stage.job(job)["status"], stage.job(later)["status"]) == ("processing", "pending")
    stage.open()
    assert worker.wait() == 0
    assert (stage.job(job)["status"], stage.job(job)["attempt"]) == ("completed", 1)
    second = stage.submit("proof_gate", {"name": "never"})
    worker = stage.worker(grace="200ms")
    stage.wait_for_event("run", second)
    worker.signal(signal.SIGUSR1)
    worker.wait_for_log("to their end")
    assert worker.terminate() == 0
    assert (stage.job(second)["status"], stage.job(second)["retry_count"]) == ("pending", 0)
