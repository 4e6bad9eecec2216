"""Claims, outcomes and cancels that meet: nothing is claimed twice, nothing deadlocks for good."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection

from jobs.outcomes import Completed, Retry
from jobs.recording import record
from jobs.worker.claiming import Claimer
from jobs.worker.database import patiently
from jobs.worker.options import WorkerOptions

ROUNDS = 200
pytestmark = pytest.mark.django_db(transaction=True)


def submit(db, count, job_type="proof_race", priorities=(1, 5, 9)):
    db.execute(
        "INSERT INTO job_queue (job_type, priority, max_retries)"
        " SELECT %s, (%s::int[])[1 + n %% %s], 100 FROM generate_series(1, %s) AS n",
        [job_type, list(priorities), len(priorities), count],
    )


def test_two_claimers_at_the_same_instant_never_get_the_same_job(connect):
    db = connect()
    together = threading.Barrier(2, timeout=60)
    claimed = [[], []]

    def claim(which):
        claimer = Claimer(WorkerOptions(poll_interval=0.001, lock_duration=60.0))
        try:
            for _ in range(ROUNDS):
                together.wait()
                attempts = claimer.claim(7)
                claimed[which].append(attempts)
                record([(attempt, Retry(0.0, {"message": "again", "error_class": "E"})) for attempt in attempts])
        finally:
            connection.close()

    submit(db, 12)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(claim, 0), pool.submit(claim, 1)]:
            done.result(60)
    tokens = [attempt.lock_token for rounds in claimed for attempts in rounds for attempt in attempts]
    assert len(tokens) == len(set(tokens)) > 2 * ROUNDS
    # An attempt is one claim: were a job claimed by both, two claims would bear one number.
    numbers = [(attempt.id, attempt.number) for rounds in claimed for attempts in rounds for attempt in attempts]
    assert len(numbers) == len(set(numbers))
    row = db.execute("SELECT sum(attempt) AS attempts, sum(retry_count) AS retries FROM job_queue").fetchone()
    assert row == {"attempts": len(tokens), "retries": len(tokens)}


def test_sql_workers_and_the_claimer_share_without_overlap(connect):
    db = connect()
    submit(db, 300)
    together = threading.Barrier(3, timeout=60)

    def by_sql(name):
        with connect() as own:
            together.wait()
            found = []
            while rows := own.execute(
                "SELECT job_id FROM acquire_job_lock(%s, ARRAY['proof_race'], '1 minute', 3)", [name]
            ).fetchall():
                found += [str(row["job_id"]) for row in rows]
            return found

    def by_claimer():
        claimer = Claimer(WorkerOptions(poll_interval=0.001))
        try:
            together.wait()
            found = []
            while attempts := claimer.claim(3):
                found += [attempt.id for attempt in attempts]
            return found
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        takers = [pool.submit(by_sql, "a"), pool.submit(by_sql, "b"), pool.submit(by_claimer)]
        found = [job for taker in takers for job in taker.result(60)]
    assert len(found) == len(set(found)) == 300


def test_an_old_snapshot_held_open_changes_no_claim(connect):
    db, old = connect(), connect(autocommit=False)
    old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    submit(db, 50)
    assert old.execute("SELECT count(*) AS n FROM job_queue WHERE status = 'pending'").fetchone()["n"] == 50
    claimer = Claimer(WorkerOptions(poll_interval=0.001))
    seen = set()
    for _ in range(40):
        submit(db, 20)
        while attempts := claimer.claim(16):
            fresh = {attempt.id for attempt in attempts}
            assert not seen & fresh
            seen |= fresh
            assert record([(attempt, Completed(None)) for attempt in attempts]) == []
    # Late commits: inserted before what has been claimed since, and committed after it.
    late = connect(autocommit=False)
    submit(late, 5)
    submit(db, 20)
    while attempts := claimer.claim(16):
        record([(attempt, Completed(None)) for attempt in attempts])
        seen |= {attempt.id for attempt in attempts}
    late.commit()
    claimer.look_soon()
    while attempts := claimer.claim(16):
        record([(attempt, Completed(None)) for attempt in attempts])
        seen |= {attempt.id for attempt in attempts}
    assert len(seen) == 50 + 40 * 20 + 25
    assert old.execute("SELECT count(*) AS n FROM job_queue WHERE status = 'pending'").fetchone()["n"] == 50
    assert db.execute("SELECT count(*) AS n FROM job_queue WHERE status <> 'completed'").fetchone()["n"] == 0


def test_bulk_cancels_against_bulk_outcomes_settle_everything(connect):
    """Both touch the same rows in different orders: a deadlock is broken by PostgreSQL and tried again."""
    db = connect()
    rounds, chance = 30, random.Random(5)
    together = threading.Barrier(2, timeout=60)
    batches = []

    def cancel():
        with connect() as own:
            own.execute("SET deadlock_timeout = '20ms'")
            for _ in range(rounds):
                together.wait()
                ids = [attempt.id for attempt in batches[-1]]
                while True:
                    chance.shuffle(ids)
                    try:
                        with own.transaction():
                            for job_id in ids:
                                own.execute("UPDATE job_queue SET cancel_requested_at = now() WHERE id = %s", [job_id])
                        break
                    except psycopg.errors.DeadlockDetected:
                        continue
                together.wait()

    claimer = Claimer(WorkerOptions(poll_interval=0.001))
    with ThreadPoolExecutor(1) as pool:
        canceller = pool.submit(cancel)
        for _ in range(rounds):
            submit(db, 40, priorities=(5,))
            claimer.look_soon()
            attempts = claimer.claim(40)
            assert len(attempts) == 40
            batches.append(attempts)
            together.wait()
            outcomes = [(attempt, Completed(None) if n % 2 else Retry(3600.0, {"message": "m"}))
                        for n, attempt in enumerate(attempts)]  # fmt: skip
            assert patiently("recording", lambda outcomes=outcomes: record(outcomes)) == []
            together.wait()
        canceller.result(60)
    counts = {row["status"]: row["n"] for row in
              db.execute("SELECT status, count(*) AS n FROM job_queue GROUP BY status").fetchall()}  # fmt: skip
    assert counts["completed"] == 20 * rounds
    assert counts.get("cancelled", 0) + counts.get("pending", 0) == 20 * rounds
    assert db.execute("SELECT count(*) AS n FROM job_processing_locks").fetchone()["n"] == 0


def test_a_claim_waits_for_nobody(connect):
    """Rows that another transaction holds are passed over, and found when it lets go."""
    db, holder = connect(), connect(autocommit=False)
    submit(db, 10, priorities=(5,))
    holder.execute("SELECT FROM job_queue ORDER BY scheduled_at LIMIT 4 FOR UPDATE")
    claimer = Claimer(WorkerOptions(poll_interval=0.001))
    assert len(claimer.claim(10)) == 6
    holder.rollback()
    claimer.look_soon()
    assert len(claimer.claim(10)) == 4
