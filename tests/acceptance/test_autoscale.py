"""Supervisors that scale: real processes, added to a real backlog, drained, killed and cut off."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator
from functools import cache

import psutil
import pytest

from jobs.worker.scaling.connections import needed
from tests.acceptance import history
from tests.acceptance.stage import Stage, WorkerProcess, wait_until

#: Changes in a moment, whatever else the machine has to do.
SCALING = {
    "concurrency": "2",
    "backlog-age": "200ms",
    "up-pause": "200ms",
    "down-pause": "1s",
    "cpu-limit": "100",
    "memory-limit": "100",
}
#: `STORM=300 make storm`: the long forms too.
STORM = bool(os.environ.get("STORM"))
long = pytest.mark.skipif(not STORM, reason="not for a short run: STORM is not set")


def scaled(stage: Stage, processes: str, **options: object) -> WorkerProcess:
    return stage.worker("--autoscale", "--skip-checks", processes=processes, ready=False, **{**SCALING, **options})


def children(supervisor: WorkerProcess) -> list[psutil.Process]:
    return psutil.Process(supervisor.pid).children()


def at_work(
    stage: Stage,
    count: int,
    seconds: float = 60.0,
    beside: Collection[int] = (),
    meanwhile: Callable[[], None] = lambda: None,
) -> list[int]:
    """Wait until exactly so many worker processes have signed on and live, beside those named; gives their pids."""

    def signed_on() -> list[int]:
        meanwhile()
        rows = stage.db.execute("SELECT pid FROM job_workers WHERE stopped_at IS NULL AND supervisor <> ''").fetchall()
        found = [row["pid"] for row in rows if row["pid"] not in beside and psutil.pid_exists(row["pid"])]
        return found if len(found) == count else []

    return wait_until(signed_on, seconds, f"{count} workers\n{stage.logs()}")


def row(stage: Stage) -> dict[str, object]:
    found = stage.db.execute("SELECT * FROM job_supervisors ORDER BY started_at DESC LIMIT 1").fetchone()
    assert found is not None
    return found


@pytest.mark.parametrize(("least", "most"), [pytest.param(1, 2, id="short"), pytest.param(2, 6, id="long", marks=long)])
def test_a_burst_brings_processes_up_to_the_bound_and_idleness_drains_them(watched, least, most):
    stage = watched
    supervisor = scaled(stage, f"{least}-{most}")
    first = at_work(stage, least)
    jobs = stage.submit_many("proof_gate", 2 * most + 3)
    pids = at_work(stage, most)
    assert set(first) < set(pids)
    stage.wait_for_event("run", count=2 * most)
    # It would like to have more for the three that wait, and says so.
    supervisor.wait_for_log(f"there are {most} of at most {most}")
    names = stage.db.execute(
        "SELECT count(*) AS n, count(DISTINCT application_name) AS names FROM pg_stat_activity"
        " WHERE application_name LIKE 'ekiden-worker %'"
    ).fetchone()
    assert names["names"] == 1 and names["n"] <= most * needed(2)
    assert [row(stage)[name] for name in ("least", "most", "target", "actual")] == [least, most, most, most]

    # All at once: they are back after the back-off, and their jobs after the rescue.
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    at_work(stage, most, beside=pids)
    stage.open()
    assert stage.wait_for_all("completed") == {"completed": len(jobs)}

    survivors = set(at_work(stage, least, beside=pids))
    wait_until(lambda: {child.pid for child in children(supervisor)} == survivors)
    assert set(history.check(stage.db).values()) <= {1, 2}
    seen = wait_until(lambda: (found := row(stage))["actual"] == least and found)
    assert (seen["added"], seen["drained"], seen["replaced"]) == (most - least, most - least, most)
    assert supervisor.terminate() == 0
    assert not any(psutil.pid_exists(pid) for pid in survivors)
    assert row(stage)["stopped_at"] is not None
    assert "Traceback" not in supervisor.log


@pytest.fixture
def poor_role(stage: Stage) -> Iterator[str]:
    """A role of no superuser, which has connections for one process of two slots and something."""
    name = f"poor_{os.getpid()}"
    stage.db.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {needed(2) + 4}")
    stage.db.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public, meta, analytics TO {name}")
    stage.db.execute(f"GRANT USAGE ON SCHEMA public, meta, analytics TO {name}")
    stage.db.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public, meta, analytics TO {name}")
    stage.db.execute(f"ALTER ROLE {name} SET search_path = public, meta, analytics")
    stage.db.execute(f"ALTER ROLE {name} BYPASSRLS")
    yield name
    for worker in stage.workers:
        worker.terminate()
    stage.db.execute(f"DROP OWNED BY {name}")
    stage.db.execute(f"DROP ROLE {name}")


@long
def test_it_stays_within_the_connections_that_its_role_may_have(stage, poor_role):
    environment = {"DATABASE_URL": f"{stage.url}&user={poor_role}"}
    jobs = stage.submit_many("proof_gate", 6)
    supervisor = scaled(stage, "1-3", env=environment)
    supervisor.wait_for_log("but PostgreSQL has connections for 1")
    used = stage.db.execute("SELECT count(*) AS n FROM pg_stat_activity WHERE usename = %s", [poor_role]).fetchone()
    assert used["n"] < needed(2) + 4
    stage.db.execute(f"ALTER ROLE {poor_role} CONNECTION LIMIT -1")
    at_work(stage, 3)
    stage.open()
    assert stage.wait_for_all("completed") == {"completed": len(jobs)}
    assert supervisor.terminate() == 0
    assert "too many connections" not in supervisor.log


@cache
def may_name_hosts() -> bool:
    """Whether a process may have a host name of its own here: some containers allow it to nobody, root or not."""
    unshare = shutil.which("unshare")
    return unshare is not None and not subprocess.run([unshare, "--uts", "true"], capture_output=True).returncode


def on_host(stage: Stage, name: str, **options: object) -> WorkerProcess:
    """Start a supervisor as on a machine of its own: under its own host name, where that may be."""
    named = ["unshare", "--uts", "sh", "-c", f'hostname {name} && exec "$@"', "sh"] if may_name_hosts() else []
    return scaled(stage, "1-2", prefix=named, **options)


def lose(host: WorkerProcess) -> None:
    """Take the whole host away: none of its processes has a last word."""
    lost = [psutil.Process(host.pid), *children(host)]
    for process in lost:
        process.suspend()
    for process in lost:
        process.kill()
    host.process.wait()


def test_what_one_host_was_doing_is_done_by_the_others_when_it_is_lost(watched):
    stage = watched
    alpha, beta = (on_host(stage, name, concurrency="6") for name in ("alpha", "beta"))
    at_work(stage, 2)
    jobs = [*stage.submit_many("proof_gate", 6), *stage.submit_many("proof_write", 6)]
    stage.wait_for_event("run", count=12)
    hosts = stage.db.execute(
        "SELECT w.hostname, s.hostname AS of_supervisor, count(*) AS jobs"
        " FROM job_processing_locks l JOIN job_workers w ON w.id = l.worker_id"
        " JOIN job_supervisors s ON s.id = w.supervisor GROUP BY 1, 2 ORDER BY 1"
    ).fetchall()
    if may_name_hosts():
        assert (
            [found["hostname"] for found in hosts] == [found["of_supervisor"] for found in hosts] == ["alpha", "beta"]
        )
    lost = stage.db.execute(
        "SELECT count(*) AS jobs FROM job_processing_locks l JOIN job_workers w ON w.id = l.worker_id"
        " JOIN job_supervisors s ON s.id = w.supervisor WHERE s.pid = %s",
        [alpha.pid],
    ).fetchone()["jobs"]
    assert 0 < lost < len(jobs)
    lose(alpha)
    stage.open()
    assert stage.wait_for_all("completed") == {"completed": len(jobs)}
    assert stage.no_locks_left()
    attempts = history.check(stage.db)
    assert sorted(attempts) == sorted(jobs)
    rescued = stage.db.execute("SELECT count(*) AS n FROM job_queue WHERE attempt = 2 AND retry_count = 1").fetchone()
    assert rescued["n"] == lost
    # What is written with the outcome is written once, by whoever came to record it.
    written = stage.db.execute("SELECT count(*) AS n, count(DISTINCT job_id) AS jobs FROM proof_effects").fetchone()
    assert (written["n"], written["jobs"]) == (6, 6)
    assert beta.terminate() == 0


@long
def test_a_supervisor_that_is_killed_takes_its_processes_along(stage):
    supervisor = scaled(stage, "2-3")
    pids = at_work(stage, 2)
    supervisor.kill()
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert stage.db.execute("SELECT count(*) AS n FROM job_workers WHERE stopped_at IS NULL").fetchone()["n"] == 0


@long
@pytest.mark.timeout(600)
def test_ten_processes_killed_at_once_under_a_load_that_goes_on(watched):
    stage = watched
    supervisor = scaled(stage, "1-10", **{"down-pause": "2s", "max-jobs": "200"})
    jobs: list[str] = []

    def feed() -> None:
        if len(jobs) - stage.counts()["completed"] < 300:
            jobs.extend(stage.submit_many("proof_work", 300, {"seconds": 0.3}, max_retries=60))

    pids: list[int] = []
    for _ in range(3):
        pids = at_work(stage, 10, 180, beside=pids, meanwhile=feed)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda pids=pids: not set(pids) & {child.pid for child in children(supervisor)})
        assert len(children(supervisor)) <= 10
    assert stage.wait_for_all("completed", seconds=240) == {"completed": len(jobs)}
    assert sorted(history.check(stage.db)) == sorted(jobs)
    at_work(stage, 1, 120)
    assert supervisor.terminate() == 0


@long
@pytest.mark.timeout(300)
def test_a_database_that_is_away_changes_the_number_of_processes_by_none(stage):
    supervisor = scaled(stage, "1-3", **{"down-pause": "1m"})
    at_work(stage, 1)
    stage.submit_many("proof_gate", 9)
    pids = at_work(stage, 3)
    stage.wait_for_event("run", count=6)
    for _ in range(20):
        stage.db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    supervisor.wait_for_log("the database does not answer, the number of processes stays")
    assert {child.pid for child in children(supervisor)} == set(pids)
    stage.open()
    stage.wait_for_all("completed")
    assert supervisor.terminate() == 0
