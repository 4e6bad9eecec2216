"""Which jobs a worker takes, when, and in what order."""

import os
import shutil
import statistics
import subprocess
import time
from collections import Counter

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.acceptance.stage import wait_until


def started(stage):
    return [event["job"] for event in stage.events("run")]


def terminate_listeners(stage):
    stage.db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    )


def latencies(stage, count):
    """Seconds from the commit of a job to its handler's first line, one job after the other."""
    found = []
    for n in range(count):
        at = time.monotonic()
        job = stage.submit("proof_anote", {"n": n})
        found.append(stage.wait_for_event("run", job)["at"] - at)
        stage.wait_for_status(job, "completed")
    return found


def test_jobs_start_when_they_are_announced_long_before_the_next_poll(stage):
    worker = stage.worker(poll_interval="2m")
    wait_until(lambda: stage.db.execute("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%'").fetchall())
    stage.wait_for_status(stage.submit("proof_anote"), "completed")
    assert statistics.median(latencies(stage, 20)) < 0.5
    # The listener is cut off and listens again; what it missed is looked for.
    terminate_listeners(stage)
    worker.wait_for_log("not listening")
    missed = stage.submit("proof_anote")
    stage.wait_for_status(missed, "completed", seconds=60)
    assert worker.terminate() == 0


def test_jobs_that_nobody_announced_start_within_a_poll(stage):
    worker = stage.worker(poll_interval="500ms")
    stage.wait_for_status(stage.submit("proof_note"), "completed")
    for _ in range(3):
        job = str(
            stage.db.execute("INSERT INTO job_queue (job_type) VALUES ('proof_note') RETURNING id").fetchone()["id"]
        )
        stage.wait_for_status(job, "completed")
    assert worker.terminate() == 0


def test_delayed_jobs_start_on_time_not_at_the_next_poll(stage):
    worker = stage.worker(poll_interval="2m")
    stage.wait_for_status(stage.submit("proof_note"), "completed")
    due = {}
    for delay in (1.5, 0.7, 0.3):
        job = stage.db.execute(
            "SELECT enqueue_job('proof_note', p_scheduled_at => clock_timestamp() + make_interval(secs => %s)) AS id",
            [delay],
        ).fetchone()["id"]
        due[str(job)] = time.monotonic() + delay
    for job, at in due.items():
        late = stage.wait_for_event("run", job)["at"] - at
        assert -0.1 < late < 5, late
    assert worker.terminate() == 0


def test_a_job_enqueued_in_a_long_transaction_is_found_at_its_commit(stage):
    worker = stage.worker(poll_interval="1s")
    with psycopg.connect(stage.url) as slow:
        late = str(slow.execute("SELECT enqueue_job('proof_note')").fetchone()[0])
        # The cursor moves on meanwhile.
        for job in stage.submit_many("proof_note", 30):
            stage.wait_for_status(job, "completed")
        assert late not in started(stage)
        slow.commit()
    assert stage.wait_for_status(late, "completed")["attempt"] == 1
    assert worker.terminate() == 0


def test_urgent_jobs_come_first_and_equals_in_their_order(stage):
    jobs = [(stage.submit("proof_note", priority=priority), priority) for priority in (1, 9, 5, 100, 0, 9, 5, 1, 100)]
    assert stage.worker("--drain", concurrency=1, batch_size=3, ready=False).wait() == 0
    wanted = [job for job, _ in sorted(jobs, key=lambda item: -item[1])]
    assert started(stage) == wanted


def test_a_paused_queue_rests_and_a_drain_does_not_wait_for_it(stage):
    stage.db.execute("INSERT INTO job_queues (name, paused, paused_at) VALUES ('slow', true, now())")
    resting = stage.submit("proof_note", queue="slow")
    open_ = stage.submit("proof_note", queue="quick")
    assert stage.worker("--drain", ready=False).wait() == 0
    assert started(stage) == [open_]
    worker = stage.worker()
    stage.db.execute("UPDATE job_queues SET paused = false")
    stage.wait_for_status(resting, "completed")
    assert worker.terminate() == 0


def test_queues_and_job_types_narrow_what_is_taken(stage):
    jobs = {
        (kind, queue): stage.submit(kind, queue=queue)
        for kind in ("proof_note", "proof_anote")
        for queue in ("a", "b", "c")
    }
    stage.submit("proof_nobody", queue="b")
    assert stage.worker("--drain", "--queues=a,b", "--job-types=proof_note", ready=False).wait() == 0
    assert set(started(stage)) == {jobs["proof_note", "a"], jobs["proof_note", "b"]}
    assert stage.worker("--drain", "--queues=c", ready=False).wait() == 0
    assert set(started(stage)) == {jobs[key] for key in jobs if key[1] == "c" or key == ("proof_note", "a") or
                                   key == ("proof_note", "b")}  # fmt: skip


def test_wrong_names_are_refused(stage):
    for argument in ("--job-types=proof_elsewhere", "--queues=a b", "--concurrency=0", "--poll-interval=soon"):
        worker = stage.worker(argument, ready=False)
        assert worker.wait() != 0
        assert "Traceback" not in worker.log and argument.split("=")[0] in worker.log


def test_max_jobs_ends_the_worker_after_so_many(stage):
    stage.submit_many("proof_note", 30)
    assert stage.worker("--max-jobs=12", concurrency=3, ready=False).wait() == 0
    assert stage.counts() == {"completed": 12, "pending": 18}


def test_max_memory_ends_the_worker_for_a_fresh_one(stage):
    job = stage.submit("proof_gate")
    worker = stage.worker("--max-memory=10")
    stage.wait_for_event("run", job)
    stage.open()
    assert worker.wait() == 75
    assert "--max-memory" in worker.log
    assert stage.wait_for_status(job, "completed")["attempt"] == 1


def test_two_workers_share_the_work(stage):
    stage.submit_many("proof_work", 60, {"seconds": 0.05})
    workers = [stage.worker(concurrency=2, batch_size=4) for _ in range(2)]
    stage.wait_for_all("completed")
    by_pid = Counter(event["pid"] for event in stage.events("run"))
    assert sum(by_pid.values()) == 60
    for worker in workers:
        assert worker.terminate() == 0


@pytest.fixture
def pgbouncer(stage):
    """The database behind a pooler in transaction mode."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    server = conninfo_to_dict(stage.url)
    port = 20000 + os.getpid() % 20000
    (stage.directory / "users.txt").write_text('"postgres" ""\n')
    (stage.directory / "pgbouncer.ini").write_text(
        f"[databases]\n{server['dbname']} = host={server['host']} port={server.get('port', 5432)} "
        f"user={server.get('user', 'postgres')}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 5\nserver_reset_query =\n"
    )
    identity = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    if identity:
        # The embedded server's socket is its account's alone; the pooler has to be that account.
        account = os.stat(server["host"])
        identity = {"user": account.st_uid, "group": account.st_gid, "extra_groups": []}
        for path in (stage.directory, *list(stage.directory.parents)[:3]):
            path.chmod(0o755)
    log = open(stage.directory / "pgbouncer.log", "w")
    process = subprocess.Popen(
        [program, str(stage.directory / "pgbouncer.ini")], stdout=log, stderr=subprocess.STDOUT, **identity
    )
    url = f"postgresql://postgres@127.0.0.1:{port}/{server['dbname']}"

    def answers():
        try:
            with psycopg.connect(make_conninfo(url), connect_timeout=2) as db:
                return db.execute("SELECT 1").fetchone()
        except psycopg.OperationalError:
            return None

    wait_until(answers, 10, "pgbouncer")
    yield url
    process.terminate()
    process.wait(10)
    log.close()


def test_a_worker_behind_a_transaction_pooler_lives_by_polling(stage, pgbouncer):
    kinds = ["proof_note", "proof_anote", "proof_orm"]
    jobs = [job for kind in kinds for job in stage.submit_many(kind, 30)]
    stage.open()
    jobs += stage.submit_many("proof_write", 10) + stage.submit_many("proof_fail", 2, max_retries=1)
    workers = [stage.worker(env={"DATABASE_URL": pgbouncer}) for _ in range(2)]
    counts = stage.wait_for_all("completed", "dead_letter")
    assert counts == {"completed": 100, "dead_letter": 2}
    late = stage.submit("proof_note")
    stage.wait_for_status(late, "completed")
    for worker in workers:
        assert worker.terminate() == 0
        assert "Traceback" not in worker.log
