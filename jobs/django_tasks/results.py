"""What Django's framework is told of a job: its TaskResult."""

import builtins
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.dateparse import parse_datetime

from accounts.row_security import acting_as_system
from jobs import exceptions
from jobs.django_tasks.finding import declared_task
from jobs.django_tasks.framework import (
    AnyResult,
    AnyTask,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
)
from jobs.django_tasks.priorities import level_of, priority_at
from jobs.models import Job
from jobs.statuses import Status

#: In the job's metadata: what the framework wants to know and the table has no column for.
FACTS: Final = "django_task"

_STATUSES: Final = {
    Status.PENDING: TaskResultStatus.READY,
    Status.PROCESSING: TaskResultStatus.RUNNING,
    Status.COMPLETED: TaskResultStatus.SUCCESSFUL,
    # Somebody may redrive it, and then it is ready again.
    Status.DEAD_LETTER: TaskResultStatus.FAILED,
    Status.FAILED: TaskResultStatus.FAILED,
    Status.CANCELLED: TaskResultStatus.FAILED,
}

_COLUMNS: Final = (
    *("id", "job_type", "status", "queue", "priority", "payload", "result", "metadata", "error_history"),
    *("error_message", "created_at", "started_at", "completed_at", "failed_at", "cancel_requested_at"),
)


def read(result_id: str) -> AnyResult:
    """Give the result of this id; raises TaskResultDoesNotExist for what is no task, or has been deleted or pruned."""
    try:
        job_id = UUID(result_id)
    except (ValueError, TypeError, AttributeError):
        raise TaskResultDoesNotExist(result_id) from None
    for result in read_many([job_id]):
        return result
    raise TaskResultDoesNotExist(result_id)


def read_many(job_ids: Iterable[Any]) -> list[AnyResult]:
    """Give the results of those jobs that are tasks and still there, whoever owns them."""
    with acting_as_system():
        jobs = list(Job.objects.visible().filter(pk__in=list(job_ids), metadata__has_key=FACTS).only(*_COLUMNS))
    return [result_of(job) for job in jobs]


def result_of(job: Job, task: AnyTask | None = None) -> AnyResult:
    """Tell of a job as the framework does; the task is imported where it is not given."""
    facts, payload = facts_of(job), job.payload
    task = task or _task_of(job, facts)
    result: AnyResult = TaskResult(
        task=task,
        id=str(job.pk),
        status=_STATUSES[Status(job.status)],
        enqueued_at=job.created_at,
        started_at=_moment(facts.get("started_at")) or job.started_at,
        last_attempted_at=_moment(facts.get("last_attempted_at")) or job.started_at,
        finished_at=_finished_at(job),
        args=payload.get("args", []),
        kwargs=payload.get("kwargs", {}),
        backend=task.backend,
        errors=_errors(job),
        worker_ids=list(facts.get("worker_ids") or ()),
    )
    if job.status == Status.COMPLETED:
        object.__setattr__(result, "_return_value", job.result)
    return result


def facts_of(job: Job) -> dict[str, Any]:
    facts = job.metadata.get(FACTS)
    return facts if isinstance(facts, dict) else {}


def _task_of(job: Job, facts: dict[str, Any]) -> AnyTask:
    chosen = facts.get("priority", 0)
    # Somebody may have changed the job's place in the queue since.
    priority = chosen if level_of(chosen) == job.priority else priority_at(job.priority)
    return declared_task(job.job_type).using(
        backend=facts.get("backend"),
        priority=priority,
        queue_name=job.queue,
        run_after=_moment(facts.get("run_after")),
    )


def _finished_at(job: Job) -> datetime | None:
    if job.status == Status.CANCELLED:
        return job.cancel_requested_at
    return job.completed_at or job.failed_at


def _errors(job: Job) -> list[TaskError]:
    errors = [_error(entry) for entry in job.error_history]
    if job.status == Status.CANCELLED:
        errors.append(_named(exceptions.JobCancelled, job.error_message or str(exceptions.JobCancelled())))
    return errors


def _error(entry: Any) -> TaskError:
    if not isinstance(entry, dict):
        return _named(Exception, str(entry))
    path, name = entry.get("error_path"), str(entry.get("error_class") or "")
    message = str(entry.get("message") or "")
    if not isinstance(path, str):
        # Written in SQL, by a rescue or a person: there was no exception in Python.
        return _named(_class_named(name), message)
    return TaskError(exception_class_path=path, traceback=str(entry.get("traceback") or f"{name}: {message}\n"))


def _class_named(name: str) -> type[BaseException]:
    found = getattr(exceptions, name, None) or getattr(builtins, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else exceptions.RetryableError


def _named(kind: type[BaseException], message: str) -> TaskError:
    return TaskError(
        exception_class_path=f"{kind.__module__}.{kind.__qualname__}", traceback=f"{kind.__qualname__}: {message}\n"
    )


def _moment(text: Any) -> datetime | None:
    return parse_datetime(text) if isinstance(text, str) else None
