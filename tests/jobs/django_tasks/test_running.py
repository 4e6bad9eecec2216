"""Tasks that run, as Django's own immediate backend is asked to run them, and what becomes of their results."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs import control, dead_letters
from jobs.context import Context
from jobs.django_tasks import running
from jobs.django_tasks.framework import TaskResultDoesNotExist, TaskResultStatus
from jobs.exceptions import JobCancelled, LostWorker, NonRetryableError
from jobs.execution import run
from jobs.models import DeadLetter, Job, ProcessingLock
from jobs.models.columns import ClockTimestamp
from jobs.outcomes import Attempt, Retry
from jobs.statuses import Status
from jobs.testing import drain, run_job
from jobs.worker import maintenance
from tests.factories import UserFactory
from tests.jobs.django_tasks import tasks
from tests.jobs.django_tasks.framework import default_task_backend
from tests.jobs.rows import start

pytestmark = pytest.mark.django_db


def done(task, *args, **kwargs):
    """Enqueue a task, run what is due, and give its result."""
    result = task.enqueue(*args, **kwargs)
    drain()
    result.refresh()
    return result


@pytest.mark.parametrize("task", [tasks.noop_task, tasks.noop_task_async])
def test_enqueue_task(task):
    result = done(task, 1, two=3)
    assert (result.status, result.is_finished, result.return_value) == (TaskResultStatus.SUCCESSFUL, True, None)
    assert result.enqueued_at <= result.started_at <= result.last_attempted_at <= result.finished_at
    assert (result.task, result.args, result.kwargs, result.attempts) == (task, [1], {"two": 3}, 1)
    assert result.worker_ids == ["jobs.testing"] and result.errors == []
    assert default_task_backend.get_result(result.id) == result


@pytest.mark.parametrize("task", [tasks.calculate_meaning_of_life, tasks.calculate_meaning_of_life_async])
def test_result(task):
    result = done(task)
    assert result.return_value == 42 and task.get_result(result.id).return_value == 42


def test_arguments_come_as_json():
    result = done(tasks.echo, (1, 2), b"text", at={"x": (None, True)})
    assert result.return_value == [[[1, 2], "text"], {"at": {"x": [None, True]}}]


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        (tasks.failing_task_value_error, ValueError, "This Task failed due to ValueError"),
        (tasks.failing_task_async, ValueError, "This Task failed due to ValueError"),
        (tasks.failing_task_system_exit, SystemExit, "This Task failed due to SystemExit"),
        (tasks.failing_task_keyboard_interrupt, KeyboardInterrupt, "This Task failed due to KeyboardInterrupt"),
        (tasks.exit_task, SystemExit, "1"),
        (tasks.complex_exception, ValueError, "This task failed"),
    ],
)
def test_catches_exception(task, error, message, caplog):
    result = done(task)
    assert (result.status, result.is_finished, result.attempts) == (TaskResultStatus.FAILED, True, 1)
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value
    assert result.enqueued_at <= result.started_at <= result.finished_at
    (problem,) = result.errors
    assert problem.exception_class is error
    assert problem.traceback.startswith("Traceback") and problem.traceback.endswith(f"{error.__name__}: {message}\n")
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert result.id in logged.getMessage() and logged.exc_info and isinstance(logged.exc_info[1], error)


def test_complex_return_value():
    result = done(tasks.complex_return_value)
    assert result.status == TaskResultStatus.FAILED and result._return_value is None
    assert result.errors[0].exception_class is TypeError and "Unsupported type" in result.errors[0].traceback


def test_context():
    assert (result := done(tasks.get_task_id)).return_value == result.id
    assert done(tasks.check_context, 1).status == TaskResultStatus.SUCCESSFUL
    path = tasks.check_context_async.module_path
    assert done(tasks.check_context_async).return_value == [1, path, "RUNNING"]


def test_wrong_arguments_are_the_tasks_error():
    result = done(tasks.check_context, 1, 2, 3)
    assert result.status == TaskResultStatus.FAILED and result.errors[0].exception_class is TypeError


def test_a_task_is_tried_again_only_if_it_says_so():
    result = tasks.fails_until.enqueue(3)
    drain()
    result.refresh()
    assert (result.status, result.attempts, len(result.errors)) == (TaskResultStatus.READY, 1, 1)
    began = result.started_at
    drain(scheduled=True)
    result.refresh()
    assert (result.status, result.return_value, result.attempts) == (TaskResultStatus.SUCCESSFUL, 3, 3)
    assert [error.exception_class for error in result.errors] == [ValueError, ValueError]
    assert result.started_at == began < result.last_attempted_at


def test_errors_that_no_retry_can_mend():
    result = done(tasks.hopeless)
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 1)
    assert result.errors[0].exception_class is NonRetryableError


def test_a_snooze_is_no_failure():
    result = done(tasks.naps_once)
    assert (result.status, result.attempts, result.errors) == (TaskResultStatus.READY, 1, [])
    drain(scheduled=True)
    result.refresh()
    assert result.return_value == 2


def test_steps_inside_a_task(heard):
    result = tasks.remembers.enqueue()
    drain()
    tasks.noop_task.enqueue()
    drain(scheduled=True)
    result.refresh()
    assert result.return_value == [2, 1]
    result = tasks.sleeps.enqueue()
    drain()
    result.refresh()
    assert (result.status, result.errors) == (TaskResultStatus.READY, [])
    drain(scheduled=True)
    result.refresh()
    assert result.return_value == "awake"
    assert [name for name, *_ in heard].count("finished") == 3


def test_atomic_tasks_take_back_what_they_wrote():
    result = done(tasks.writes_and_fails)
    assert result.status == TaskResultStatus.FAILED and result.errors[0].exception_class is ValueError
    assert Job.objects.get().project_name == ""


def test_running():
    result = tasks.noop_task.enqueue()
    start(Job.objects.get())
    result.refresh()
    assert (result.status, result.is_finished) == (TaskResultStatus.RUNNING, False)
    assert result.started_at is not None and result.finished_at is None
    with pytest.raises(ValueError, match="Task has not finished yet"):
        _ = result.return_value


def test_cancelled():
    result = tasks.noop_task.enqueue()
    control.cancel(result.id, None)
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 0) and result.finished_at is not None
    assert [error.exception_class for error in result.errors] == [JobCancelled]


def test_a_lost_worker_spends_the_one_attempt():
    result = tasks.noop_task.enqueue()
    start(Job.objects.get())
    ProcessingLock.objects.update(expires_at=ClockTimestamp())
    maintenance.rescue()
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in result.errors] == [LostWorker]


def test_a_redriven_task_can_succeed():
    result = done(tasks.echo.using(max_retries=0), 1)
    failed = done(tasks.fails_until.using(max_retries=0), 2)
    assert failed.status == TaskResultStatus.FAILED
    dead_letters.redrive(DeadLetter.objects.get().pk, UserFactory())
    failed.refresh()
    assert (failed.status, failed.finished_at) == (TaskResultStatus.READY, None)
    drain()
    failed.refresh()
    assert (failed.status, failed.return_value, failed.attempts) == (TaskResultStatus.SUCCESSFUL, 2, 2)
    assert result.return_value == [[1], {}]


@pytest.mark.parametrize(("act", "status"), [("discard", "FAILED"), ("resolve", "SUCCESSFUL")])
def test_what_people_make_of_dead_letters(act, status):
    result = done(tasks.failing_task_value_error)
    extra = {"result": 7} if act == "resolve" else {}
    getattr(dead_letters, act)(DeadLetter.objects.get().pk, UserFactory(), **extra)
    result.refresh()
    assert result.status == status and len(result.errors) == 1
    assert act == "discard" or result.return_value == 7


def test_run_after_and_queue():
    later = timezone.now() + timedelta(hours=1)
    result = tasks.noop_task.using(run_after=later, queue_name="mail", priority=-7).enqueue()
    job = Job.objects.get()
    assert (job.scheduled_at, job.queue, job.priority) == (later, "mail", 4)
    assert drain() == []
    again = tasks.noop_task.get_result(result.id)
    assert again == result and (again.task.run_after, again.task.priority) == (later, -7)
    drain(scheduled=True)
    assert tasks.noop_task.get_result(result.id).status == TaskResultStatus.SUCCESSFUL


def test_the_most_urgent_runs_first():
    priorities = [-100, 0, 100, -1, 1, 50]
    for priority in priorities:
        tasks.echo.using(priority=priority).enqueue(priority)
    assert [job.payload["args"][0] for job in drain()] == sorted(priorities, reverse=True)


def test_a_place_that_a_person_has_changed():
    result = tasks.noop_task.using(priority=3).enqueue()
    control.change(result.id, None, priority=90)
    assert tasks.noop_task.get_result(result.id).task.priority == 89


def test_results_go_with_their_jobs():
    one, other = done(tasks.noop_task), tasks.noop_task.enqueue()
    Job.objects.filter(pk=one.id).delete()
    Job.objects.filter(pk=other.id).update(is_deleted=True)
    for result in (one, other):
        with pytest.raises(TaskResultDoesNotExist):
            result.refresh()


def test_jobs_that_are_no_tasks_have_no_results(note):
    enqueued = note.enqueue(args=[], kwargs={})
    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(str(enqueued.id))


def test_what_people_did_to_the_metadata_does_no_harm():
    result = tasks.noop_task.enqueue()
    Job.objects.update(metadata={"django_task": ["?"], "kept": 1})
    drain()
    job = Job.objects.get()
    assert job.status == Status.COMPLETED and job.metadata["kept"] == 1
    assert tasks.noop_task.get_result(result.id).attempts == 1


def test_a_worker_that_lost_the_job_begins_nothing():
    result = tasks.echo.enqueue()
    job = Job.objects.get()
    lock = start(job)
    ProcessingLock.objects.filter(job=job).update(lock_token=lock.lock_token + 1)
    payload = '{"args":[],"kwargs":{}}'
    attempt = Attempt(str(job.pk), lock.lock_token, job.job_type, "default", 50, payload, 1, 0, 3, None, 0)
    outcome = run(attempt, Context(attempt, lambda told: None))
    assert isinstance(outcome, Retry) and outcome.error["error_class"] == "LockLost"
    result.refresh()
    assert result.worker_ids == []


def test_many_attempts_keep_the_last_thousand():
    result = tasks.naps_once.enqueue()
    Job.objects.update(metadata={"django_task": {"backend": "default", "worker_ids": ["w"] * 1000}})
    run_job(Job.objects.get())
    result.refresh()
    assert len(result.worker_ids) == 1000 and result.worker_ids[-1] == "jobs.testing"


@pytest.mark.parametrize(("alone", "then"), [(True, "off"), (False, "on")])
def test_only_the_note_itself_does_not_wait_for_the_disk(alone, then):
    tasks.noop_task.enqueue()
    lock = start(Job.objects.get())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        assert len(list(Job.objects.raw(running._BEGIN, [alone, lock.job_id, lock.lock_token]))) == 1
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == (then,)
