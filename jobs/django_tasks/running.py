"""Running a task as the handler of its job."""

from collections.abc import Callable
from functools import wraps
from importlib.resources import files
from inspect import iscoroutinefunction
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import connection

from jobs.context import Context
from jobs.django_tasks.context import EkidenTaskContext
from jobs.django_tasks.framework import AnyResult, AnyTask, normalize_json, task_started
from jobs.django_tasks.results import result_of
from jobs.exceptions import LockLost
from jobs.models import Job
from jobs.outcomes import Attempt

_BEGIN: Final = (files("jobs") / "sql" / "queries" / "begin_task.sql").read_text()

#: What attempts of tasks raised, by lock token, until their end has been told.
raised: Final[dict[int, BaseException]] = {}
#: Those whose end this process never hears of must not fill its memory.
_MOST_RAISED: Final = 100


def handler_of(task: AnyTask) -> Callable[..., Any]:
    """Make the handler that runs the task's function, a coroutine for a coroutine."""
    return _coroutine_for(task.func) if iscoroutinefunction(task.func) else _plain_for(task.func)


def _plain_for(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run_task(context: Context, args: list[Any], kwargs: dict[str, Any]) -> Any:
        result = _begin(context._attempt)
        task_started.send_robust(type(result.task.get_backend()), task_result=result)
        try:
            return normalize_json(function(*_leading(context, result), *args, **kwargs))
        except BaseException as error:
            _keep(context._attempt, error)
            raise

    return run_task


def _coroutine_for(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def run_task(context: Context, args: list[Any], kwargs: dict[str, Any]) -> Any:
        result = await sync_to_async(_begin)(context._attempt)
        await task_started.asend_robust(type(result.task.get_backend()), task_result=result)
        try:
            return normalize_json(await function(*_leading(context, result), *args, **kwargs))
        except BaseException as error:
            _keep(context._attempt, error)
            raise

    return run_task


def _begin(attempt: Attempt) -> AnyResult:
    """Note in the job that this worker begins it, if it still may, and give the result as it is now: running."""
    alone = not connection.in_atomic_block
    for job in Job.objects.raw(_BEGIN, [alone, attempt.id, attempt.lock_token]):
        return result_of(job)
    raise LockLost


def _leading(context: Context, result: AnyResult) -> tuple[Any, ...]:
    return (EkidenTaskContext(task_result=result, job=context),) if result.task.takes_context else ()


def _keep(attempt: Attempt, error: BaseException) -> None:
    if len(raised) >= _MOST_RAISED:
        raised.pop(next(iter(raised)), None)
    raised[attempt.lock_token] = error
