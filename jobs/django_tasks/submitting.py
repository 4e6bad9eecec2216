"""From a task with its arguments to a job."""

from functools import cache
from typing import Any, NoReturn

from accounts.row_security import acting_as_system
from jobs.django_tasks.finding import PAYLOAD, declared_task
from jobs.django_tasks.framework import AnyResult, AnyTask
from jobs.django_tasks.results import result_of
from jobs.inserting import insert
from jobs.new_job import row_of
from jobs.options import Options
from jobs.registry import JobType


def submit(task: AnyTask, payload: dict[str, Any], chosen: Options) -> tuple[AnyResult, bool]:
    """Insert the job and give its result, and whether it is a new one and not the holder of its unique key.

    Raises TaskNotFound, InvalidPayload or InvalidOption before anything is written.
    """
    # A worker will have to find it as well.
    declared_task(task.module_path)
    row = row_of(_submitted_as(task.module_path), payload, chosen)
    # Tasks are the program's own work, in a request too: row security would keep jobs without an owner from it.
    with acting_as_system():
        enqueued = insert(row)
        return result_of(enqueued.fetch(), task), enqueued.created


@cache
def _submitted_as(path: str) -> JobType:
    """Make the job type to submit under, known nowhere else: clients of the API must not submit tasks."""
    return JobType(path, _run_by_workers, max_retries=0, given_schema=PAYLOAD, internal=True)


def _run_by_workers() -> NoReturn:
    raise NotImplementedError
