from collections.abc import Iterator
from datetime import datetime
from inspect import iscoroutinefunction
from typing import Any, Final, cast, get_args

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.utils import timezone

from jobs import options
from jobs.django_tasks.framework import AnyResult, AnyTask, BaseTaskBackend, InvalidTask, normalize_json, task_enqueued
from jobs.django_tasks.priorities import level_of
from jobs.django_tasks.task import FOR_ALL, FOR_JOBS, EkidenTask
from jobs.exceptions import InvalidOption, InvalidPayload, TaskNotFound
from jobs.languages import is_foreign
from jobs.options import Options
from jobs.registry import Isolation

#: Of the framework's earlier versions, in the settings of a backend.
_ON_COMMIT: Final = "ENQUEUE_ON_COMMIT"


class EkidenBackend(BaseTaskBackend):
    """Runs Django's tasks as Ekiden's jobs: a job's type is the path of the task's function.

    A task is enqueued in the caller's transaction, so workers see it when that commits and never if it is rolled back.
    """

    # Declared in models.py, tasks make their backend before the models are there: what needs them is imported late.

    task_class = EkidenTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self._on_commit = params.get(_ON_COMMIT, True)

    def validate_task(self, task: AnyTask) -> None:
        """Raise InvalidTask for what neither the framework nor the queue can do."""
        super().validate_task(task)
        if problem := _problem(task) or self._problem_of_options(task):
            raise InvalidTask(problem)

    def enqueue(self, task: AnyTask, args: Any, kwargs: Any) -> AnyResult:  # type: ignore[override]
        """Submit a task, part of the caller's transaction. Of a unique one that is there already, give that one.

        Raises InvalidTask, and for arguments that are not JSON or too large TypeError and ValueError.
        """
        from jobs.django_tasks.submitting import submit

        self.validate_task(task)
        payload = {"args": normalize_json(list(args)), "kwargs": normalize_json(dict(kwargs))}
        try:
            result, created = submit(task, payload, self.chosen(task))
        except InvalidPayload as error:
            raise ValueError(str(error)) from error
        except (InvalidOption, TaskNotFound) as error:
            raise InvalidTask(str(error)) from error
        if created:
            task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> AnyResult:
        """Read a result by its id, whoever owns the job; raises TaskResultDoesNotExist, after the retention too."""
        from jobs.django_tasks.results import read

        return read(result_id)

    def chosen(self, task: AnyTask) -> Options:
        """Give the options of the task's job."""
        own = {name: value for name in FOR_JOBS if (value := getattr(task, name, None)) is not None}
        metadata = {**own.pop("metadata", {}), "django_task": self._facts(task)}
        ours: dict[str, Any] = {
            "max_retries": 0,
            **self.options,
            **own,
            "queue": task.queue_name,
            "priority": level_of(int(task.priority)),
            "metadata": metadata,
        }
        if task.run_after is not None:
            ours["scheduled_at"] = _aware(task.run_after)
        return cast(Options, ours)

    def _facts(self, task: AnyTask) -> dict[str, Any]:
        facts: dict[str, Any] = {"backend": self.alias, "priority": int(task.priority)}
        return {**facts, "run_after": task.run_after.isoformat()} if task.run_after is not None else facts

    def _problem_of_options(self, task: AnyTask) -> str | None:
        try:
            options.check(self.chosen(task))
        except InvalidOption as error:
            name = {"scheduled_at": "run_after", "queue": "queue_name"}.get(error.option, error.option)
            return f"{name} {error.detail}"
        return None

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Say what is wrong with this entry of TASKS."""
        return [*self._check_place(), *self._check_options()]

    def _check_place(self) -> Iterator[checks.CheckMessage]:
        if not apps.is_installed("jobs"):
            yield checks.Error(
                f"TASKS[{self.alias!r}] uses EkidenBackend, and 'jobs' is not in INSTALLED_APPS.",
                id="jobs.django_tasks.E001",
            )
        for name in sorted(self.queues, key=str):
            if problem := _problem_of_queue(name):
                yield checks.Error(f"TASKS[{self.alias!r}]: the queue {name!r} {problem}", id="jobs.django_tasks.E002")
        if not self._on_commit:
            yield checks.Warning(
                f"TASKS[{self.alias!r}]: {_ON_COMMIT} cannot be switched off.",
                hint="A task is a row in the caller's transaction; nobody sees it before that commits.",
                id="jobs.django_tasks.W001",
            )

    def _check_options(self) -> Iterator[checks.CheckMessage]:
        for name in sorted(self.options.keys() - set(FOR_ALL)):
            yield checks.Error(
                f"TASKS[{self.alias!r}]: {name!r} is none of the OPTIONS, which are {', '.join(FOR_ALL)}.",
                id="jobs.django_tasks.E003",
            )
        known = {name: value for name, value in self.options.items() if name in FOR_ALL}
        try:
            options.check(cast(Options, known))
        except InvalidOption as error:
            yield checks.Error(f"TASKS[{self.alias!r}]: OPTIONS {error}", id="jobs.django_tasks.E004")


def _problem(task: AnyTask) -> str | None:
    """Say why a function cannot run as its task asks, before any job of it is there."""
    isolation, atomic = getattr(task, "isolation", "thread"), getattr(task, "atomic", False)
    if isolation not in get_args(Isolation):
        return f"isolation is 'thread' or 'process', not {isolation!r}."
    if iscoroutinefunction(task.func) and (atomic or isolation == "process"):
        return "An async task runs on the event loop, neither atomic nor in a process of its own."
    if atomic and isolation == "process":
        return "An atomic task shares its transaction with the worker, so it cannot run in a child process."
    try:
        options.check_job_type(task.module_path)
    except InvalidOption as error:
        return f"The path of its function {error.detail}"
    return _problem_of_queue(task.queue_name, "queue_name ")


def _problem_of_queue(name: Any, prefix: str = "") -> str | None:
    try:
        options.check_queue(name)
    except InvalidOption as error:
        return f"{prefix}{error.detail}"
    return f"{prefix}belongs to workers of another language." if is_foreign(name) else None


def _aware(moment: datetime) -> datetime:
    """Give the moment with a time zone; without USE_TZ those of a site have none."""
    return moment if settings.USE_TZ or timezone.is_aware(moment) else timezone.make_aware(moment)
