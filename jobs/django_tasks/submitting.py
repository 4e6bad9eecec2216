"""From a task with its arguments to a job."""

import json
from dataclasses import replace
from functools import cache
from inspect import signature
from typing import Any, NoReturn, cast
from uuid import UUID

from accounts.row_security import acting_as_system
from jobs import enqueue
from jobs.django_tasks.finding import PAYLOAD, declared_task
from jobs.django_tasks.framework import AnyResult, AnyTask, TaskResult
from jobs.django_tasks.results import result_of
from jobs.drafts import After
from jobs.options import Options
from jobs.registry import JobType


def submit(task: AnyTask, payload: dict[str, Any], chosen: Options) -> tuple[AnyResult, bool]:
    """Insert the job and give its result, and whether it is a new one and not the holder of its unique key.

    Raises TaskNotFound, InvalidPayload or InvalidOption before anything is written.
    """
    # A worker will have to find it as well.
    declared_task(task.module_path)
    job_type = _submitted_as(task.module_path)
    # Tasks are the program's own work, in a request too: row security would keep jobs without an owner from it.
    with acting_as_system():
        enqueued = enqueue.submit(job_type, payload, _with_jobs(_with_key(task, payload, chosen)))
        return result_of(enqueued.fetch(), task), enqueued.created


def _with_key(task: AnyTask, payload: dict[str, Any], chosen: Options) -> Options:
    """Make what is unique out of the arguments by name, however they were passed, and not out of the payload."""
    unique = chosen.get("unique")
    if unique is None or chosen.get("unique_key"):
        return chosen
    context = [None] * task.takes_context
    try:
        bound = signature(task.func).bind(*context, *payload["args"], **payload["kwargs"])
    except TypeError:
        # The function will not take them, which is for the attempt to say.
        return chosen
    bound.apply_defaults()
    arguments = dict(list(bound.arguments.items())[len(context) :])
    key = unique.key(json.dumps(arguments, default=str))
    return Options({**chosen, "unique": replace(unique, fields=None), "unique_key": key})


def _with_jobs(chosen: Options) -> Options:
    """Put jobs where results of tasks were given."""
    given = {name: value for name in ("depends_on", "parent") if (value := chosen.get(name)) is not None}
    return cast(Options, {**chosen, **{name: _jobs(value) for name, value in given.items()}})


def _jobs(given: Any) -> Any:
    if isinstance(given, list | tuple):
        return [_jobs(each) for each in given]
    if isinstance(given, After):
        return replace(given, job=_jobs(given.job))
    return UUID(given.id) if isinstance(given, TaskResult) else given


@cache
def _submitted_as(path: str) -> JobType:
    """Make the job type to submit under, known nowhere else: clients of the API must not submit tasks."""
    return JobType(path, _run_by_workers, max_retries=0, given_schema=PAYLOAD, internal=True)


def _run_by_workers() -> NoReturn:
    raise NotImplementedError
