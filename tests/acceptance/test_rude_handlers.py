"""Whatever a handler does, its job ends, its neighbours run on and the worker stays whole."""

import signal

import psutil
import pytest

from tests.acceptance.stage import wait_until

RESULTS = ["object", "set", "bytes", "nul", "surrogate", "nan", "infinity", "huge", "digits", "cycle", "deep", "keys"]
ERRORS = ["base", "exit", "interrupt", "cancelled", "generator", "memory", "unspeakable", "nul", "group", "recursion"]
WAITS = ["snooze_nan", "rate_none"]


def errors_of(row):
    return [entry["error_class"] for entry in row["error_history"]]


def still_works(stage, count):
    """All slots answer: so many jobs that each wait for the others can only end together."""
    jobs = stage.submit_many("proof_gate", count, {"name": "together"})
    stage.wait_for_event("run", count=len([e for e in stage.events("run") if e["job"] not in jobs]) + count)
    stage.open("together")
    for job in jobs:
        assert stage.wait_for_status(job, "completed")


def test_results_that_are_not_json_are_dead_letters_that_say_so(stage):
    jobs = {what: stage.submit("proof_return", {"what": what}) for what in RESULTS}
    fine = stage.submit("proof_return", {"what": "large"})
    worker = stage.worker(concurrency=2)
    for what, job in jobs.items():
        row = stage.wait_for_status(job, "dead_letter", "completed")
        assert (row["status"], errors_of(row)) == ("dead_letter", ["UnusableResult"]), what
    assert len(stage.wait_for_status(fine, "completed")["result"]) == 1_000_000
    still_works(stage, 2)
    assert worker.terminate() == 0


@pytest.mark.parametrize("kind", ["proof_raise", "proof_araise", "proof_praise"])
def test_whatever_is_raised_is_an_outcome(stage, kind):
    jobs = {what: stage.submit(kind, {"what": what}, max_retries=0) for what in [*ERRORS, "stop"]}
    waits = [stage.submit(kind, {"what": what}, max_retries=0) for what in WAITS]
    for_ever = stage.submit(kind, {"what": "rate_forever"}, max_retries=0)
    worker = stage.worker(concurrency=2)
    for what, job in jobs.items():
        row = stage.wait_for_status(job, "dead_letter")
        assert len(row["error_history"]) == 1, what
        assert row["error_message"], what
    for job in waits:
        stage.wait_for_event("run", job, count=2)
    wait_until(lambda: stage.job(for_ever)["status"] == "pending" and stage.job(for_ever)["error_history"])
    finite = "SELECT scheduled_at < now() + interval '2 days' AS fine FROM job_queue WHERE id = %s"
    assert stage.db.execute(finite, [for_ever]).fetchone()["fine"]
    still_works(stage, 2)
    assert worker.terminate() == 0


def test_a_backoff_with_a_bug_still_gives_an_outcome(stage):
    broken = stage.submit("proof_broken_backoff", max_retries=1)
    hanging = stage.submit("proof_broken_backoff_hang", max_retries=1)
    endless = stage.submit("proof_endless_backoff", max_retries=1)
    worker = stage.worker(concurrency=2)
    for job in (broken, hanging, endless):
        wait_until(lambda job=job: stage.job(job)["status"] == "pending" and stage.job(job)["retry_count"] == 1)
        finite = "SELECT scheduled_at < now() + interval '2 days' AS fine FROM job_queue WHERE id = %s"
        assert stage.db.execute(finite, [job]).fetchone()["fine"]
    still_works(stage, 2)
    assert worker.terminate() == 0


def test_odd_progress_holds_up_nothing(stage):
    odd = stage.submit("proof_odd_progress")
    worker = stage.worker()
    assert stage.wait_for_status(odd, "completed")["result"] == "said"
    still_works(stage, 2)
    assert worker.terminate() == 0


def test_hanging_handlers_lose_their_slots_and_nobody_else_does(stage):
    kinds = ["proof_hang", "proof_hang_heedful", "proof_ahang", "proof_astubborn", "proof_phang"]
    jobs = [stage.submit(kind, max_retries=0) for kind in kinds for _ in range(2)]
    worker = stage.worker(concurrency=2)
    for job in jobs:
        row = stage.wait_for_status(job, "dead_letter")
        assert errors_of(row) == ["JobTimeout"]
    assert len(stage.events("told")) == 2
    assert len(stage.events("interrupted")) == 2
    still_works(stage, 2)
    ends = [stage.submit("proof_anote") for _ in range(5)]
    for job in ends:
        stage.wait_for_status(job, "completed")
    assert "Traceback" not in worker.log
    assert worker.terminate() == 0


def test_threads_that_end_late_do_not_cost_the_pool_its_slots(stage):
    """Told to stop and stopping, again and again: neither slots lost nor threads piled up."""
    jobs = stage.submit_many("proof_hang_heedful", 12, max_retries=0)
    worker = stage.worker(concurrency=2)
    for job in jobs:
        stage.wait_for_status(job, "dead_letter")
    still_works(stage, 2)
    wait_until(lambda: psutil.Process(worker.pid).num_threads() < 16, why="stray threads to end")
    assert worker.process.poll() is None
    assert worker.terminate() == 0


def test_crashing_children_spend_attempts_and_harm_no_neighbour(stage):
    neighbour = stage.submit("proof_gate")
    running = stage.submit("proof_pgate")
    crashes = {
        "exit code 7": stage.submit("proof_exit", max_retries=2),
        "exit code 0": stage.submit("proof_exit", {"code": 0}, max_retries=2),
        "SIGSEGV": stage.submit("proof_segfault", max_retries=2),
    }
    worker = stage.worker(concurrency=5)
    for words, job in crashes.items():
        row = stage.wait_for_status(job, "dead_letter", seconds=60)
        assert errors_of(row) == ["ProcessDied"] * 3
        assert row["attempt"] == 3 and row["retry_count"] == 2
        assert words in row["error_message"]
    assert stage.job(neighbour)["attempt"] == 1
    stage.open()
    for job in (neighbour, running):
        assert stage.wait_for_status(job, "completed")["attempt"] == 1
    assert worker.terminate() == 0


def test_a_child_that_closes_its_pipe_is_ended(stage):
    job = stage.submit("proof_close_all", max_retries=0)
    worker = stage.worker(concurrency=1)
    child = stage.wait_for_event("run", job)["pid"]
    assert errors_of(stage.wait_for_status(job, "dead_letter"))[0] in {"JobTimeout", "ProcessDied"}
    wait_until(lambda: not psutil.pid_exists(child), why="the child to be gone")
    still_works(stage, 1)
    assert worker.terminate() == 0


def test_printing_blocks_nothing_and_leaks_end_with_the_child(stage):
    job = stage.submit("proof_noise")
    leaks = stage.submit_many("proof_leak", 60)
    worker = stage.worker(concurrency=1)
    assert stage.wait_for_status(job, "completed")["result"] == "printed"
    for leak in leaks:
        stage.wait_for_status(leak, "completed")
    assert psutil.Process(worker.pid).num_fds() < 60
    assert worker.terminate() == 0


def test_children_die_with_a_killed_worker(stage):
    job = stage.submit("proof_pgate")
    worker = stage.worker()
    child = stage.wait_for_event("run", job)["pid"]
    assert child != worker.pid
    worker.kill()
    wait_until(lambda: not psutil.pid_exists(child), why="the orphan to end")


def test_a_job_that_takes_its_worker_along_ends_as_a_dead_letter(stage):
    killer = stage.submit("proof_exit_worker", max_retries=1)
    supervisor = stage.worker("--processes=2", "--concurrency=1", ready=False)
    row = stage.wait_for_status(killer, "dead_letter", seconds=60)
    assert errors_of(row) == ["LostWorker", "LostWorker"]
    assert row["attempt"] == 2
    after = stage.submit("proof_note")
    stage.wait_for_status(after, "completed")
    supervisor.signal(signal.SIGTERM)
    assert supervisor.wait() == 0


def test_a_transaction_left_open_is_not_the_next_jobs(stage):
    """What the first handler left open must not swallow what the second one wrote."""
    dirty = stage.submit("proof_dirty")
    worker = stage.worker(concurrency=1)
    stage.wait_for_status(dirty, "completed")
    tidy = stage.submit("proof_tidy")
    stage.wait_for_status(tidy, "completed")
    assert stage.effects(tidy) == [1]
    assert stage.effects(dirty) == []
    assert worker.terminate() == 0
