from collections.abc import Callable
from typing import Any

import pytest

from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import enqueue
from jobs.models import Job, Task
from jobs.testing import run_job


class Crash(Exception):
    """Ends an attempt between two tasks."""


class Script:
    """A handler of tests, whose functions take note of every call."""

    def __init__(self, register: Callable[..., Handler]) -> None:
        self.calls: list[Any] = []
        self.body: Callable[[Context], Any] = lambda ctx: None
        register("script", lambda ctx: self.body(ctx), schema={})
        self.submit()

    def submit(self) -> None:
        self.job = Job.objects.get(pk=enqueue("script", {}, max_retries=9).id)

    def call(self, value: Any = None) -> Any:
        self.calls.append(value)
        return value

    def run(self, body: Callable[[Context], Any] | None = None) -> Job:
        self.body = body or self.body
        self.job = run_job(self.job)
        return self.job

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        rows = Task.objects.filter(job=self.job)
        return list(rows.values_list("position", "kind", "name", "status", "attempt", "result"))


@pytest.fixture
def script(register: Callable[..., Handler], db: None) -> Script:
    return Script(register)
