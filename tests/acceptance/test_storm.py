"""Workers that die all the time, of their own at crash points and by outside hands: the whole of the work gets done."""

import os
import random
import signal
import time
from dataclasses import dataclass, field

import pytest

from tests.acceptance import history
from tests.acceptance.crash_scenarios import BRISK, OF_WORKERS
from tests.acceptance.nursery import Copy, Nursery
from tests.acceptance.stage import Stage

#: `STORM=300 make storm` storms for so many seconds on a seed of its own.
STORM_SECONDS = int(os.environ.get("STORM", "0"))

CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'ekiden-worker'
"""


@dataclass
class Fleet:
    """Three workers, each of which may bear its death in itself."""

    nursery: Nursery
    chance: random.Random
    workers: list[Copy] = field(default_factory=list)
    crashes: int = 0

    def start(self, most_hits: int = 20) -> Copy:
        doomed = self.chance.random() < 0.7
        point = f"{self.chance.choice(OF_WORKERS)}:{self.chance.randint(1, most_hits)}" if doomed else ""
        return self.nursery.start("worker", "--concurrency=8", *BRISK, point=point)

    def kill_one(self) -> None:
        victim = self.chance.randrange(len(self.workers))
        if not self.workers[victim].is_dead():
            self.workers[victim].kill()
        self.workers[victim] = self.start()

    def replace_the_dead(self) -> None:
        """By such as stay alive, so that work goes on."""
        for n, worker in enumerate(self.workers):
            if worker.is_dead():
                self.crashes += 1
                self.workers[n] = self.nursery.start("worker", "--concurrency=8", *BRISK)

    def end(self) -> None:
        for worker in self.workers:
            if not worker.is_dead():
                worker.signal(signal.SIGTERM)
                assert worker.wait() in (0, -signal.SIGKILL), worker.log


def feed(stage: Stage, chance: random.Random, jobs: list[str]) -> None:
    """Keep so much waiting that a worker always has its hands full."""
    while len(jobs) - stage.counts()["completed"] < 250:
        seconds = {"seconds": round(chance.uniform(0, 0.1), 3)}
        jobs.extend(stage.submit_many("proof_work", 40, seconds, max_retries=60))
        jobs.extend(stage.submit_many("proof_awork", 40, seconds, max_retries=60))
        jobs.extend(stage.submit_many("proof_write", 10, max_retries=60))


def check_attempts(stage: Stage, jobs: list[str]) -> None:
    attempts = history.check(stage.db)
    assert sorted(attempts) == sorted(jobs)
    runs = dict.fromkeys(jobs, 0)
    for event in stage.events("run"):
        runs[event["job"]] += 1
    rows = stage.db.execute("SELECT id, job_type, attempt, retry_count FROM job_queue").fetchall()
    assert any(row["attempt"] > 1 for row in rows)
    for row in rows:
        job = str(row["id"])
        # Claims that never started are given back, and are no attempts.
        assert 1 <= row["attempt"] <= attempts[job]
        assert runs[job] <= row["attempt"]
        assert row["retry_count"] == row["attempt"] - 1
        if row["job_type"] == "proof_write":
            assert len(stage.effects(job)) == 1


@pytest.mark.timeout(STORM_SECONDS + 180)
def test_storm_of_kills_loses_nothing_and_finishes_everything_once(watched, nursery):
    stage = watched
    seed = int(os.environ.get("STORM_SEED", "0")) or (random.SystemRandom().randrange(1 << 32) if STORM_SECONDS else 3)
    print(f"STORM_SEED={seed}")
    chance = random.Random(seed)
    jobs: list[str] = []
    stage.open()
    feed(stage, chance, jobs)
    fleet = Fleet(nursery, chance)
    fleet.workers = [fleet.start(most_hits=3) for _ in range(3)]
    ends = time.monotonic() + STORM_SECONDS
    kills = 0
    while kills < 9 or len(jobs) < 500 or not fleet.crashes or time.monotonic() < ends:
        feed(stage, chance, jobs)
        if STORM_SECONDS and chance.random() < 0.1:
            stage.db.execute(CUT_OFF)
        # The next kill meets a fleet that has run something since.
        enough = len(stage.events("run")) + chance.randrange(5, 40)
        fleet.kill_one()
        kills += 1
        while len(stage.events("run")) < enough:
            fleet.replace_the_dead()
            time.sleep(0.01)
    # Those that live may have their death before them yet: one that has not does what is left.
    fleet.workers.append(nursery.start("worker", "--concurrency=8", *BRISK))
    counts = stage.wait_for_all("completed", seconds=90)

    assert counts == {"completed": len(jobs)}
    assert stage.no_locks_left()
    check_attempts(stage, jobs)
    fleet.end()
