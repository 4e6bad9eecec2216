"""Real workers share a schedule's times, and go on with them when one is killed."""

from datetime import timedelta

from tests.acceptance.stage import wait_until

SCHEDULE = """INSERT INTO job_schedules (name, job_type, schedule_interval, misfire, misfire_cap, next_run_at)
VALUES ('each second', 'proof_note', '{"type": "timedelta", "seconds": 1}', 'all', 1000, now()) RETURNING id"""
TIMES = "SELECT scheduled_for, status FROM job_queue WHERE schedule_id = %s ORDER BY scheduled_for"


def test_no_time_is_lost_or_fired_twice_when_workers_come_and_go(stage):
    schedule = stage.db.execute(SCHEDULE).fetchone()["id"]

    def more(count):
        already = len(stage.db.execute(TIMES, [schedule]).fetchall())
        wait_until(lambda: len(stage.db.execute(TIMES, [schedule]).fetchall()) >= already + count, why="its times")

    doomed, heir = stage.worker(), stage.worker()
    more(2)
    doomed.kill()
    more(2)
    assert heir.terminate() == 0
    fired = [row["scheduled_for"] for row in stage.db.execute(TIMES, [schedule]).fetchall()]
    assert fired == [fired[0] + timedelta(seconds=number) for number in range(len(fired))]
    after = stage.worker()
    more(2)
    wait_until(lambda: {row["status"] for row in stage.db.execute(TIMES, [schedule]).fetchall()[:-2]} == {"completed"})
    assert after.terminate() == 0
    fired = [row["scheduled_for"] for row in stage.db.execute(TIMES, [schedule]).fetchall()]
    assert fired == [fired[0] + timedelta(seconds=number) for number in range(len(fired))], "the pause was made up for"
