"""Thousands of payloads in one job: what is done is done once, whatever happens to workers."""

from collections import Counter

from jobs import dead_letters
from jobs.models import DeadLetter
from tests.acceptance import history
from tests.acceptance.stage import Stage, wait_until

PAYLOADS, GATE = 2_000, 1_200
BROKEN = {7, 507, 1007, 1507}
_DONE = "SELECT count(*) AS n FROM job_tasks WHERE job_id = %s AND item >= 0 AND kind = 'map' AND status = 'completed'"


def runs(stage: Stage, job: str) -> Counter[int]:
    return Counter(told["n"] for told in stage.events("item", job))


def test_a_killed_workers_batch_does_what_is_missing_and_a_redrive_what_failed(watched: Stage) -> None:
    stage = watched
    asked = {"job_type": "proof_item", "payloads": [{"n": n} for n in range(PAYLOADS)], "common": {"gate_at": GATE}}
    job = stage.submit("batch_process", {**asked, "concurrency": 4, "fail_on_error": True})
    first = stage.worker()

    def remembered() -> bool:
        found = stage.db.execute(_DONE, [job]).fetchone()
        return bool(found and found["n"] == GATE)

    wait_until(remembered, 60, "all payloads before the gate to be remembered")
    wait_until(lambda: len(runs(stage, job)) == GATE + 4, 30, "four payloads at the gate")
    first.kill()
    assert set(runs(stage, job).values()) == {1}

    stage.open()
    stage.worker()
    row = stage.wait_for_status(job, "dead_letter")
    assert row["error_message"].startswith(
        "4 of 2000 payloads failed and 0 were not begun. no. 7: NonRetryableError: 7"
    )
    ran = runs(stage, job)
    assert {n for n, count in ran.items() if count > 1} == set(range(GATE, GATE + 4)) and len(ran) == PAYLOADS

    stage.open("mended")
    dead_letters.redrive(DeadLetter.objects.get(original_job=job).pk, None)
    row = stage.wait_for_status(job, "completed")
    assert row["result"] == {
        "job_type": "proof_item",
        "total": PAYLOADS,
        "succeeded": PAYLOADS,
        "failed": 0,
        "skipped": 0,
        "failures": [],
        "failures_left_out": 0,
    }
    assert runs(stage, job) - ran == Counter(dict.fromkeys(BROKEN, 1))
    # Each payload has a key of its own, the same however often it is tried.
    assert len({told["key"] for told in stage.events("item", job)}) == PAYLOADS
    history.check(stage.db)
