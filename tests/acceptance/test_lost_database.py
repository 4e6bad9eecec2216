"""PostgreSQL restarted, crashed, away, cut off or silent: workers wait, nothing is lost, nothing runs twice for it."""

import os
import random
import subprocess
import sys
from collections import Counter

import pytest
from psycopg.conninfo import conninfo_to_dict

from config.embedded import Location, Server
from tests.acceptance import history
from tests.acceptance.proxy import Proxy
from tests.acceptance.stage import ROOT, Stage, wait_until

#: Locks and heartbeats that outlive a restart, so that whatever runs twice ran twice for no reason.
PATIENT = {"lock_duration": "60s", "heartbeat_interval": "2s"}


def runs(stage):
    return Counter(event["job"] for event in stage.events("run"))


@pytest.fixture(scope="module")
def own_server(tmp_path_factory):
    """A server of this module's own, to be stopped and crashed."""
    directory = tmp_path_factory.mktemp("server")
    for path in [directory, *directory.parents][:3]:
        path.chmod(0o755)
    location = Location.below(directory)
    server = Server(location, {"max_connections": "200"})
    server.own_home()
    server.start()
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True,
        env={**os.environ, "DATABASE_URL": location.url, "TEST_DB_NAME": ""},
    )  # fmt: skip
    yield server
    server.stop()


@pytest.fixture
def own_stage(own_server, tmp_path):
    stage = Stage(own_server.location.url, tmp_path)
    stage.db.execute("TRUNCATE job_queue, job_processing_locks, job_workers, job_outcome_counters CASCADE")
    history.watch(stage.db)
    yield stage
    stage.close()


def stop(server, mode):
    server._command("pg_ctl", "stop", "-D", "data", "-m", mode, "-w", "-t", "60")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_under_load_runs_nothing_twice(own_stage, own_server, mode):
    stage = own_stage
    jobs = [
        *stage.submit_many("proof_work", 150, {"seconds": 0.02}),
        *stage.submit_many("proof_awork", 150, {"seconds": 0.02}),
    ]
    held = [stage.submit(kind, priority=9) for kind in ("proof_gate", "proof_agate", "proof_pgate")]
    workers = [stage.worker(concurrency=3, **PATIENT) for _ in range(2)]
    for job in held:
        stage.wait_for_event("run", job)
    for _ in range(2):
        before = len(stage.events("run"))
        wait_until(lambda before=before: len(stage.events("run")) > min(before + 30, len(jobs)))
        stop(own_server, mode)
        for worker in workers:
            worker.wait_for_log("does not answer")
        own_server.start()
        stage.reconnect()
        wait_until(lambda: stage.db.execute("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%'").fetchall())
    stage.open()
    assert stage.wait_for_all("completed") == {"completed": len(jobs) + 3}
    attempts = history.check(stage.db)
    twice = {job: count for job, count in runs(stage).items() if count > 1}
    assert not twice
    assert set(attempts) == {*jobs, *held}
    # A coroutine's connection for the ORM broke too; the second job at the latest finds a new one.
    for job in (stage.submit("proof_orm"), stage.submit("proof_orm")):
        assert stage.wait_for_status(job, "completed")["result"] == 1
    for worker in workers:
        assert worker.terminate() == 0
        assert "Traceback" not in worker.log


def test_connections_of_coroutines_to_the_orm_are_replaced(own_stage, own_server):
    stage = own_stage
    worker = stage.worker(**PATIENT)
    for _ in range(2):
        job = stage.submit("proof_orm")
        assert stage.wait_for_status(job, "completed")["result"] == 1
        stop(own_server, "immediate")
        own_server.start()
        stage.reconnect()
    jobs = stage.submit_many("proof_orm", 4)
    for job in jobs:
        assert stage.wait_for_status(job, "completed")["result"] == 1
    assert worker.terminate() == 0


def test_sigterm_while_the_database_is_away_ends_the_worker(own_stage, own_server):
    stage = own_stage
    job = stage.submit("proof_gate")
    worker = stage.worker(grace="1s", lock_duration="6s", heartbeat_interval="2s")
    stage.wait_for_event("run", job)
    stop(own_server, "fast")
    stage.open()
    stage.wait_for_event("end", job)
    worker.wait_for_log("recording outcomes")
    worker.terminate(30)
    own_server.start()
    stage.reconnect()
    assert stage.job(job)["status"] == "processing"
    heir = stage.worker()
    assert stage.wait_for_status(job, "completed")["attempt"] == 2
    assert heir.terminate() == 0


def test_terminated_backends_cost_nothing_but_time(stage):
    history.watch(stage.db)
    chance = random.Random(11)
    jobs = [
        *stage.submit_many("proof_work", 150, {"seconds": 0.05}),
        *stage.submit_many("proof_awork", 150, {"seconds": 0.05}),
    ]
    workers = [stage.worker(concurrency=3, **PATIENT) for _ in range(2)]
    storms = 0
    while (before := len(stage.events("run"))) < len(jobs):
        goal = min(before + chance.randrange(5, 15), len(jobs))
        wait_until(lambda goal=goal: len(stage.events("run")) >= goal)
        stage.db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'ekiden-worker'"
        )
        storms += 1
    assert stage.wait_for_all("completed") == {"completed": len(jobs)}
    assert storms > 5
    history.check(stage.db)
    assert max(runs(stage).values()) == 1
    for worker in workers:
        assert worker.terminate() == 0
        assert "Traceback" not in worker.log
    history.forget(stage.db)


@pytest.fixture
def proxy(stage):
    server = conninfo_to_dict(stage.url)
    proxy = Proxy(f"{server['host']}/.s.PGSQL.{server.get('port', 5432)}")
    proxy.url = f"postgresql://postgres@127.0.0.1:{proxy.port}/{server['dbname']}?sslmode=disable&gssencmode=disable"
    yield proxy
    proxy.close()


def test_a_connection_that_falls_silent_is_noticed_and_replaced(stage, proxy):
    running = stage.submit("proof_gate")
    worker = stage.worker(env={"DATABASE_URL": proxy.url}, lock_duration="20s", heartbeat_interval="1s")
    stage.wait_for_event("run", running)
    stage.wait_for_status(stage.submit("proof_note"), "completed")
    proxy.stall()
    late = stage.submit("proof_note")
    stage.open()
    assert stage.wait_for_status(late, "completed", seconds=20)["attempt"] == 1
    assert stage.wait_for_status(running, "completed", seconds=20)
    assert "its connection is cut" in worker.log
    assert worker.terminate() == 0


@pytest.mark.parametrize("words", [b"complete_jobs", b"start_jobs", b"retry_jobs"])
def test_a_lost_answer_is_not_a_lost_job(stage, proxy, words):
    """The statement committed and nobody heard of it: no attempt twice, no job stuck until its lock ends."""
    history.watch(stage.db)
    swallowed = []

    def swallow(sent):
        if words in sent and len(swallowed) < 3:
            swallowed.append(sent)
            return True
        return False

    worker = stage.worker(env={"DATABASE_URL": proxy.url}, lock_duration="10m", heartbeat_interval="1s")
    stage.wait_for_status(stage.submit("proof_note"), "completed")
    proxy.swallow = swallow
    jobs = [stage.submit("proof_note" if n % 2 else "proof_anote") for n in range(6)]
    failing = stage.submit("proof_fail", max_retries=1)
    for job in jobs:
        row = stage.wait_for_status(job, "completed", seconds=20)
        assert (row["attempt"], row["retry_count"]) == (1, 0)
    row = stage.wait_for_status(failing, "dead_letter", seconds=20)
    assert (row["attempt"], row["retry_count"], len(row["error_history"])) == (2, 1, 2)
    assert swallowed
    history.check(stage.db)
    assert stage.no_locks_left()
    assert worker.terminate() == 0
    history.forget(stage.db)
