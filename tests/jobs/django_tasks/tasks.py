"""The tasks of these tests: Django's own test-suite has them, and some that need Ekiden."""

import asyncio
import sys
from typing import Any

from asgiref.sync import sync_to_async

from jobs.django_tasks import EkidenTaskContext
from jobs.exceptions import NonRetryableError, Snooze
from jobs.models import Job
from tests.jobs.django_tasks.framework import TaskContext, task


@task()
def noop_task(*args: Any, **kwargs: Any) -> None:
    return None


@task
def noop_task_from_bare_decorator(*args: Any, **kwargs: Any) -> None:
    return None


@task()
async def noop_task_async(*args: Any, **kwargs: Any) -> None:
    return None


@task()
def calculate_meaning_of_life() -> int:
    return 42


@task()
async def calculate_meaning_of_life_async() -> int:
    await asyncio.sleep(0)
    return 42


@task()
def echo(*args: Any, **kwargs: Any) -> Any:
    return [args, kwargs]


@task()
def failing_task_value_error() -> None:
    raise ValueError("This Task failed due to ValueError")


@task()
async def failing_task_async() -> None:
    raise ValueError("This Task failed due to ValueError")


@task()
def failing_task_system_exit() -> None:
    raise SystemExit("This Task failed due to SystemExit")


@task()
def failing_task_keyboard_interrupt() -> None:
    raise KeyboardInterrupt("This Task failed due to KeyboardInterrupt")


@task()
def complex_exception() -> None:
    raise ValueError(ValueError("This task failed"))


@task()
def complex_return_value() -> Any:
    # Return something which isn't JSON serializable nor picklable.
    return lambda: True


@task()
def exit_task() -> None:
    sys.exit(1)


@task(takes_context=True)
def get_task_id(context: TaskContext) -> str:
    return context.task_result.id


@task(takes_context=True)
def check_context(context: TaskContext, attempt: int) -> None:
    assert isinstance(context, TaskContext)
    assert context.attempt == attempt


@task(takes_context=True)
async def check_context_async(context: TaskContext) -> list[Any]:
    assert isinstance(context, EkidenTaskContext)
    job = await sync_to_async(lambda: context.job.job)()
    return [context.attempt, job.job_type, context.task_result.status]


@task(takes_context=True, max_retries=2)
def fails_until(context: TaskContext, attempt: int) -> int:
    if context.attempt < attempt:
        raise ValueError(f"not before attempt {attempt}")
    return context.attempt


@task(max_retries=5)
def hopeless() -> None:
    raise NonRetryableError("never")


@task(takes_context=True)
def naps_once(context: TaskContext) -> int:
    if context.attempt == 1:
        raise Snooze(5)
    return context.attempt


@task(takes_context=True, max_retries=1)
def remembers(context: EkidenTaskContext) -> list[Any]:
    step = context.job.task("count", Job.objects.count)
    if context.attempt == 1:
        raise ValueError("after the step")
    return [context.attempt, step]


@task(takes_context=True)
def sleeps(context: EkidenTaskContext) -> str:
    context.job.sleep(hours=6)
    return "awake"


@task(atomic=True, takes_context=True)
def writes_and_fails(context: EkidenTaskContext) -> None:
    Job.objects.filter(pk=context.task_result.id).update(project_name="written")
    raise ValueError("after the write")


@task(timeout=30, max_retries=3, tags=("mail",), backoff=lambda retries: 7.0)
def with_options() -> None:
    return None


#: Not where its function's path leads.
elsewhere = noop_task
