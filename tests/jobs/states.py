"""One lawful job in each status, and a way to run two things at the same time."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from jobs import control, dead_letters
from jobs.models import Job
from jobs.statuses import Status
from tests.jobs.rows import dead_letter, finish, new_job, start


def job_in(status: Status, actor: Any, **fields: Any) -> Job:
    """Bring a new job into the status, as a worker and a person would."""
    job = new_job("note", **{"payload": {}, **fields})
    if status == Status.PROCESSING:
        start(job)
    elif status == Status.COMPLETED:
        finish(job, {"done": True})
    elif status == Status.CANCELLED:
        control.cancel(job.pk, actor)
    elif status in {Status.DEAD_LETTER, Status.FAILED}:
        letter = dead_letter(job)
        if status == Status.FAILED:
            dead_letters.discard(letter.pk, actor)
    job.refresh_from_db()
    assert job.status == status
    return job


def beside(work: Callable[[], Any]) -> Callable[[], Any]:
    """Begin it in a thread, on a connection of its own; gives a function that waits for its result or error."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the test
            outcome.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(60)
        assert outcome, "it never ended"
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    return result


def wait_until_someone_waits(count: int = 1) -> None:
    """Return when so many sessions of this database wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone()[0] >= count:
                return
