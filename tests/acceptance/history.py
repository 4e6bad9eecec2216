"""Every change of a job's status, written by a trigger of the test's own, and what must hold of it."""

from collections import defaultdict

import psycopg

LEGAL = {
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("processing", "pending"),
    ("processing", "completed"),
    ("processing", "dead_letter"),
    ("processing", "cancelled"),
    ("dead_letter", "pending"),
}
FINAL = {"completed", "cancelled", "dead_letter"}

_WATCH = """
CREATE TABLE proof_history (
    n bigserial, job_id uuid, before text, after text, attempt integer, retries integer,
    version bigint, old_version bigint
);
CREATE FUNCTION proof_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO proof_history (job_id, before, after, attempt, retries, version, old_version)
    VALUES (NEW.id, OLD.status, NEW.status, NEW.attempt, NEW.retry_count, NEW.version, OLD.version);
    RETURN NULL;
END $$;
CREATE TRIGGER proof_history AFTER UPDATE ON job_queue FOR EACH ROW EXECUTE FUNCTION proof_history();
"""
_FORGET = """
DROP TRIGGER IF EXISTS proof_history ON job_queue;
DROP FUNCTION IF EXISTS proof_history();
DROP TABLE IF EXISTS proof_history;
"""


def watch(db: psycopg.Connection) -> None:
    forget(db)
    db.execute(_WATCH)


def forget(db: psycopg.Connection) -> None:
    db.execute(_FORGET)


def check(db: psycopg.Connection) -> dict[str, int]:
    """Refuse any life that is not lawful; gives the number of attempts of each job."""
    lives = defaultdict(list)
    for row in db.execute("SELECT * FROM proof_history ORDER BY n"):
        lives[str(row["job_id"])].append(row)
    attempts = {}
    for job_id, life in lives.items():
        status = "pending"
        claims = ends = 0
        for row in life:
            assert row["version"] == row["old_version"] + 1
            assert row["before"] == status, (job_id, life)
            if row["before"] == row["after"]:
                continue
            assert (row["before"], row["after"]) in LEGAL, (job_id, life)
            # A redrive begins the job anew.
            ends -= row["before"] == "dead_letter"
            status = row["after"]
            claims += status == "processing"
            ends += status in FINAL
        assert ends <= 1, (job_id, life)
        attempts[job_id] = claims
    return attempts
