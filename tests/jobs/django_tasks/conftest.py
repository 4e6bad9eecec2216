from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from jobs.django_tasks import finding, running
from jobs.django_tasks.framework import task_enqueued, task_finished, task_started
from jobs.registry import registry


@pytest.fixture(autouse=True)
def _tasks_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What one test's worker has found is not known to the next."""
    monkeypatch.setattr("jobs.observers._observers", {})
    yield
    for path in finding.found:
        registry.remove(path)
    finding.found.clear()
    running.raised.clear()


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    """The framework's signals, in the order they came: the name, and the result as it was then."""
    news: list[tuple[str, Any]] = []
    receivers = []
    for name, signal in (("enqueued", task_enqueued), ("started", task_started), ("finished", task_finished)):

        def hear(sender: Any, task_result: Any, name: str = name, **kwargs: Any) -> None:
            news.append((name, task_result.status.value, sender.__name__))

        signal.connect(hear)
        receivers.append((signal, hear))
    yield news
    for signal, hear in receivers:
        signal.disconnect(hear)


@pytest.fixture
def run_async() -> Any:
    """Run a coroutine to its end, with the database work of its threads in this one."""

    def run(coroutine: Any) -> Any:
        async def wait() -> Any:
            return await coroutine

        return async_to_sync(wait)()

    return run
