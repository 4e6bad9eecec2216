"""Tasks of Django's own framework; what its signals say goes into the journal, with the process that heard it."""

import asyncio
import os
import time
from typing import Any

import django
from django.dispatch import receiver

from tests.acceptance.testapp.journal import emit, is_open

if django.VERSION >= (6, 0):
    from django.tasks import task
    from django.tasks.signals import task_enqueued, task_finished, task_started
else:
    from django_tasks import task
    from django_tasks.signals import task_enqueued, task_finished, task_started


@task
def plain(number: int) -> int:
    return number + 1


@task
async def coroutine(number: int) -> int:
    await asyncio.sleep(0)
    return number + 1


@task(isolation="process", takes_context=True)
def apart(context: Any) -> list[Any]:
    context.job.progress(50)
    return [os.getpid(), context.attempt, context.task_result.id]


@task
def breaks() -> None:
    raise LookupError("it broke")


@task(takes_context=True, max_retries=1, backoff=lambda retries: 0.05)
def second_time(context: Any) -> int:
    if context.attempt == 1:
        raise LookupError("not yet")
    return int(context.attempt)


@task(timeout=0.3)
async def too_slow() -> None:
    await asyncio.sleep(60)


@task(takes_context=True)
def holds(context: Any) -> str:
    emit("holds", context.task_result.id)
    while not is_open("go"):
        time.sleep(0.01)
    return "let go"


@receiver(task_enqueued)
def _enqueued(task_result: Any, **kwargs: Any) -> None:
    _tell("enqueued", task_result)


@receiver(task_started)
def _started(task_result: Any, **kwargs: Any) -> None:
    _tell("started", task_result)


@receiver(task_finished)
def _finished(task_result: Any, **kwargs: Any) -> None:
    _tell("finished", task_result)


def _tell(signal: str, task_result: Any) -> None:
    if "PROOF_DIR" in os.environ:
        emit(f"task_{signal}", task_result.id, status=task_result.status.value)
