"""From a job's type, the path of a function, to the task declared there."""

import re
from importlib import import_module
from typing import Final

from jobs.backoff import exponential
from jobs.django_tasks.framework import AnyTask, InvalidTaskBackend, Task, task_backends
from jobs.exceptions import TaskNotFound
from jobs.registry import JobType
from jobs.schemas import Schema
from jobs.statuses import Priority

_PATH: Final = re.compile(r"(?!\d)\w+(\.(?!\d)\w+)+")

#: What jobs of every task carry.
PAYLOAD: Final[Schema] = {
    "type": "object",
    "properties": {"args": {"type": "array"}, "kwargs": {"type": "object"}},
    "required": ["args", "kwargs"],
    "additionalProperties": False,
}

#: The tasks that this process has been asked to run, by path.
found: Final[set[str]] = set()


def find(path: str) -> JobType | None:
    """Make the job type of a task for a worker; None for what is no path, and where no backend here is ours.

    Raises TaskNotFound for a path that leads nowhere, or to something else than a task: that is imported and let be.
    """
    if not _PATH.fullmatch(path) or not any(map(_is_ours, task_backends)):
        return None
    from jobs.django_tasks.running import handler_of
    from jobs.django_tasks.telling import tell_of_tasks

    task = declared_task(path)
    found.add(path)
    tell_of_tasks()
    return JobType(
        name=path,
        function=handler_of(task),
        priority=int(Priority.NORMAL),
        max_retries=0,
        timeout=getattr(task, "timeout", None),
        backoff=getattr(task, "backoff", None) or exponential(),
        isolation=getattr(task, "isolation", "thread"),
        atomic=getattr(task, "atomic", False),
        given_schema=PAYLOAD,
        # Clients of the API have no business with it.
        internal=True,
    )


def declared_task(path: str) -> AnyTask:
    """Give the task as it was declared; raises TaskNotFound."""
    module, _, name = path.rpartition(".")
    try:
        task = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:
        raise TaskNotFound(path, f"cannot be imported ({type(error).__name__}: {error})") from error
    if not isinstance(task, Task):
        raise TaskNotFound(path, "is no task")
    if task.module_path != path:
        raise TaskNotFound(path, f"is {task.module_path} by another name")
    return task


def _is_ours(alias: str) -> bool:
    from jobs.django_tasks.backend import EkidenBackend

    try:
        return isinstance(task_backends[alias], EkidenBackend)
    except InvalidTaskBackend:
        # Another one's mistake, which `manage.py check` tells of.
        return False
