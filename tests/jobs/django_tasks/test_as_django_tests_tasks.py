"""What Django's own test-suite asks of a task and a backend (tests/tasks/test_tasks.py), asked of ours."""

import dataclasses
import pickle
from datetime import datetime

import django
import pytest
from django.test import override_settings
from django.utils import timezone
from django.utils.module_loading import import_string

from jobs.django_tasks import EkidenBackend, EkidenTask
from jobs.django_tasks.framework import InvalidTask, Task, TaskResultDoesNotExist, TaskResultStatus, task_backends
from jobs.testing import drain
from tests.jobs.django_tasks import tasks
from tests.jobs.django_tasks.framework import (
    IMMEDIATE,
    PLACE,
    ImmediateBackend,
    InvalidTaskBackend,
    TaskResultMismatch,
    default_task_backend,
    task,
)

TASKS = {
    "default": {"BACKEND": "jobs.django_tasks.EkidenBackend", "QUEUES": ["default", "queue_1"]},
    "immediate": {"BACKEND": IMMEDIATE, "QUEUES": []},
    "missing": {"BACKEND": "does.not.exist"},
}
WHOLE = "priority must be a whole number between -100 and 100."


@pytest.fixture(autouse=True)
def _tasks(db):
    with override_settings(TASKS=TASKS):
        yield


@pytest.fixture
def result():
    return tasks.noop_task.enqueue()


def test_using_correct_backend():
    assert default_task_backend == task_backends["default"]
    assert isinstance(task_backends["default"], EkidenBackend)
    assert default_task_backend.alias == "default" and default_task_backend.options == {}


def test_task_decorator():
    for one in (tasks.noop_task, tasks.noop_task_async, tasks.noop_task_from_bare_decorator):
        assert isinstance(one, Task) and isinstance(one, EkidenTask)


@pytest.mark.parametrize("one", [tasks.noop_task, tasks.noop_task_async])
def test_enqueue_task(one):
    result = one.enqueue(1, two=3)
    assert (result.status, result.task, result.args, result.kwargs) == (TaskResultStatus.READY, one, [1], {"two": 3})
    assert not result.is_finished and result.enqueued_at is not None
    assert (result.started_at, result.last_attempted_at, result.finished_at) == (None, None, None)
    assert (result.attempts, result.errors, result.worker_ids) == (0, [], [])
    with pytest.raises(ValueError, match="Task has not finished yet"):
        _ = result.return_value
    assert default_task_backend.get_result(result.id) == result
    assert isinstance(result.id, str) and len(result.id) < 64


async def enqueue_and_look(one):
    result = await one.aenqueue(1)
    again = await one.aget_result(result.id)
    direct = await default_task_backend.aget_result(result.id)
    shown = dataclasses.asdict(result)
    await result.arefresh()
    return result, again, direct, shown


@pytest.mark.parametrize("one", [tasks.noop_task, tasks.noop_task_async])
def test_enqueue_task_async(one, run_async):
    result, again, direct, shown = run_async(enqueue_and_look(one))
    assert (result.status, result.task, result.args, result.kwargs) == (TaskResultStatus.READY, one, [1], {})
    assert result == again == direct and dataclasses.asdict(result) == shown


@pytest.mark.parametrize("arguments", [((datetime(2026, 1, 1),), {}), ((), {"at": datetime(2026, 1, 1)}), (({1},), {})])
def test_enqueue_with_invalid_argument(arguments, run_async):
    args, kwargs = arguments
    with pytest.raises(TypeError, match="Unsupported type"):
        tasks.noop_task.enqueue(*args, **kwargs)
    with pytest.raises(TypeError, match="Unsupported type"):
        run_async(tasks.noop_task.aenqueue(*args, **kwargs))


@pytest.mark.parametrize("argument", [float("nan"), "\x00", b"\xff", "\ud800", "x" * 300_000])
def test_enqueue_with_what_cannot_be_stored(argument):
    with pytest.raises(ValueError):
        tasks.noop_task.enqueue(argument)


def test_using():
    now = timezone.now()
    assert tasks.noop_task.using(priority=1).priority == 1 and tasks.noop_task.priority == 0
    assert tasks.noop_task.using(queue_name="queue_1").queue_name == "queue_1"
    later = tasks.noop_task.using(run_after=now)
    assert later.run_after == now and tasks.noop_task.run_after is None
    chained = later.using(priority=10)
    assert (chained.priority, chained.run_after, later.priority) == (10, now, 0)
    assert tasks.noop_task.using() == tasks.noop_task and tasks.noop_task.using() is not tasks.noop_task


def test_using_other_backends():
    with pytest.raises(InvalidTaskBackend, match="The connection 'unknown' doesn't exist"):
        tasks.noop_task.using(backend="unknown")
    with pytest.raises(InvalidTaskBackend, match=r"backend 'does\.not\.exist': No module named 'does'"):
        tasks.noop_task.using(backend="missing")
    immediate = tasks.noop_task.using(backend="immediate")
    assert isinstance(immediate.get_backend(), ImmediateBackend)
    assert immediate.enqueue().status == TaskResultStatus.SUCCESSFUL
    assert isinstance(tasks.noop_task.get_backend(), EkidenBackend)


def test_a_task_declared_for_another_backend():
    with override_settings(TASKS={"default": {"BACKEND": IMMEDIATE}, "ours": TASKS["default"]}):
        plain = Task(func=tasks.calculate_meaning_of_life.func)
        assert not isinstance(plain, EkidenTask)
        result = plain.using(backend="ours").enqueue()
        assert (result.status, result.backend) == (TaskResultStatus.READY, "ours")
        drain()
        result.refresh()
        assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, 42)


@pytest.mark.parametrize("priority", [-101, 101, 3.1])
def test_invalid_priority(priority):
    with pytest.raises(InvalidTask, match=WHOLE):
        tasks.noop_task.using(priority=priority)


def test_naive_datetime():
    with pytest.raises(InvalidTask, match="run_after must be an aware datetime"):
        tasks.noop_task.using(run_after=datetime.now())


def test_unknown_queue_name():
    with pytest.raises(InvalidTask, match="Queue 'queue-2' is not valid for backend"):
        tasks.noop_task.using(queue_name="queue-2")
    assert tasks.noop_task.using(queue_name="queue-2", backend="immediate").queue_name == "queue-2"


def test_validate_on_enqueue(run_async):
    elsewhere = tasks.noop_task.using(queue_name="queue_1")
    with override_settings(TASKS={"default": {**TASKS["default"], "QUEUES": ["queue-2"]}}):
        with pytest.raises(InvalidTask, match="Queue 'queue_1' is not valid for backend"):
            elsewhere.enqueue()
        with pytest.raises(InvalidTask, match="Queue 'queue_1' is not valid for backend"):
            run_async(elsewhere.aenqueue())


def test_call_task(run_async):
    assert tasks.calculate_meaning_of_life.call() == 42
    assert run_async(tasks.calculate_meaning_of_life.acall()) == 42
    assert run_async(tasks.noop_task_async.acall()) is None
    assert tasks.noop_task_async.call() is None


def test_get_result(result):
    assert tasks.noop_task.get_result(result.id) == result
    with pytest.raises(TaskResultMismatch, match="Task does not match"):
        tasks.noop_task_async.get_result(result.id)


@pytest.mark.parametrize("result_id", ["123", "", "01a1fdf7-860d-7070-8cac-90d6b72ddbb8", None, 123])
def test_get_missing_result(result_id, run_async):
    with pytest.raises(TaskResultDoesNotExist):
        tasks.noop_task.get_result(result_id)
    with pytest.raises(TaskResultDoesNotExist):
        run_async(tasks.noop_task.aget_result(result_id))


def test_refresh_result(result):
    shown = dataclasses.asdict(result)
    result.refresh()
    assert dataclasses.asdict(result) == shown
    drain()
    result.refresh()
    assert result.status == TaskResultStatus.SUCCESSFUL


def test_invalid_function():
    for invalid in (any, test_get_result.__get__(object())):
        with pytest.raises(InvalidTask, match="Task function must be defined at a module level"):
            task()(invalid)


def test_names():
    assert (tasks.noop_task.name, tasks.noop_task_async.name) == ("noop_task", "noop_task_async")
    path = "tests.jobs.django_tasks.tasks.noop_task"
    assert tasks.noop_task.module_path == path and import_string(path) is tasks.noop_task


@pytest.mark.skipif(django.VERSION < (6, 1), reason="not for Django before 6.1: tasks cannot be pickled there")
def test_pickling(result):
    for thing in (tasks.noop_task, result):
        assert pickle.loads(pickle.dumps(thing)) == thing


def test_no_backends():
    with override_settings(TASKS={}):
        if django.VERSION >= (6, 0):
            with pytest.raises(InvalidTaskBackend):
                tasks.noop_task.enqueue()


def test_takes_context_without_taking_context():
    with pytest.raises(InvalidTask, match="Task takes context but does not have a first argument of 'context'"):
        task(takes_context=True)(tasks.calculate_meaning_of_life.func)


def test_run_after_in_decorator():
    with pytest.raises(TypeError, match="run_after"):
        task(run_after=timezone.now())(tasks.calculate_meaning_of_life.func)


def test_custom_task_values():
    mine = task(max_retries=5, timeout=60, priority=10, queue_name="queue_1")(tasks.noop_task.func)
    assert isinstance(mine, EkidenTask)
    assert (mine.max_retries, mine.timeout, mine.priority, mine.queue_name) == (5, 60, 10, "queue_1")
    assert (mine.takes_context, mine.run_after, tasks.noop_task.max_retries) == (False, None, None)
    with pytest.raises(TypeError, match="unknown_param"):
        task(unknown_param=123)(tasks.noop_task.func)


def test_supports():
    backend = default_task_backend
    assert backend.supports_defer and backend.supports_async_task
    assert backend.supports_get_result and backend.supports_priority


def test_check():
    assert list(default_task_backend.check()) == []


def test_enqueue_logs(caplog):
    caplog.set_level("DEBUG", PLACE)
    result = tasks.noop_task.enqueue()
    (line,) = [record.getMessage() for record in caplog.records if result.id in record.getMessage()]
    assert "enqueued" in line and "None" not in line
