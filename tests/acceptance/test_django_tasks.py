"""Django's own tasks, enqueued here, run by a real worker, and read back here."""

import pytest

from jobs import dead_letters
from jobs.models import DeadLetter
from tests.acceptance.stage import wait_until
from tests.acceptance.testapp import tasks
from tests.factories import UserFactory


def finished(result, stage):
    def look():
        result.refresh()
        return result.is_finished

    wait_until(look, why=stage.logs())
    return result


def heard(stage, result):
    return [(each["event"].removeprefix("task_"), each["status"]) for each in stage.events(job=result.id)]


@pytest.fixture
def told(stage, monkeypatch):
    """What is enqueued here is written into the journal of the stage, as the worker's news are."""
    monkeypatch.setenv("PROOF_DIR", str(stage.directory))
    monkeypatch.setattr("tests.acceptance.testapp.journal._DIRECTORY", stage.directory)


def test_tasks_run_and_their_signals_are_sent_where_it_happens(stage, told):
    plain, coroutine = tasks.plain.enqueue(1), tasks.coroutine.enqueue(number=2)
    apart, breaks, again, slow = (
        task.enqueue() for task in (tasks.apart, tasks.breaks, tasks.second_time, tasks.too_slow)
    )
    worker = stage.worker()
    assert (finished(plain, stage).return_value, finished(coroutine, stage).return_value) == (2, 3)
    pid, attempt, result_id = finished(apart, stage).return_value
    assert (attempt, result_id) == (1, apart.id) and pid != worker.pid
    assert [error.exception_class for error in finished(breaks, stage).errors] == [LookupError]
    assert breaks.errors[0].traceback.endswith("LookupError: it broke\n")
    assert finished(again, stage).return_value == 2 and [again.attempts, len(again.errors)] == [2, 1]
    (late,) = finished(slow, stage).errors
    assert late.exception_class_path == "jobs.exceptions.JobTimeout"
    whole = [("enqueued", "READY"), ("started", "RUNNING")]
    for result in (plain, coroutine, apart):
        stage.wait_for_event("task_finished", result.id)
        assert heard(stage, result) == [*whole, ("finished", "SUCCESSFUL")]
    for result in (breaks, slow):
        stage.wait_for_event("task_finished", result.id)
        assert heard(stage, result) == [*whole, ("finished", "FAILED")]
    stage.wait_for_event("task_finished", again.id)
    assert heard(stage, again) == [*whole, ("started", "RUNNING"), ("finished", "SUCCESSFUL")]
    # A child tells of the start, and the worker of the end, which only it can know.
    places = {each["event"]: each["pid"] for each in stage.events(job=apart.id)}
    assert (places["task_started"], places["task_finished"]) == (pid, worker.pid)
    assert plain.worker_ids == coroutine.worker_ids and len(plain.worker_ids) == 1
    assert worker.terminate() == 0


def test_a_task_whose_worker_dies_is_not_tried_again_unless_a_person_says_so(stage, told):
    result = tasks.holds.enqueue()
    worker = stage.worker()
    stage.wait_for_event("holds", result.id)
    result.refresh()
    assert result.status == "RUNNING"
    worker.kill()
    other = stage.worker()
    assert finished(result, stage).status == "FAILED"
    assert result.errors[0].exception_class_path == "jobs.exceptions.LostWorker"
    stage.open()
    dead_letters.redrive(DeadLetter.objects.get(original_job_id=result.id).pk, UserFactory())
    assert finished(result, stage).return_value == "let go"
    assert len(set(result.worker_ids)) == 2 and result.started_at < result.last_attempted_at
    assert other.terminate() == 0
