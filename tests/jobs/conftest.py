"""What tests of the queue may use."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobs.decorators import Handler, job
from jobs.registry import registry
from tests.factories import UserFactory
from tests.jobs.speech.fixtures import media, server  # noqa: F401 (fixtures)


@pytest.fixture
def register() -> Iterator[Callable[..., Handler]]:
    """Register a handler as `@job` does, until the test ends: `register("name", function, **options)`."""
    names: list[str] = []

    def add(name: str, function: Callable[..., Any], **options: Any) -> Handler:
        handler = job(name, **options)(function)
        names.append(name)
        return handler

    yield add
    for name in names:
        registry.remove(name)


@pytest.fixture
def note(register: Callable[..., Handler]) -> Handler:
    """A job type that takes anything."""

    def take_note(ctx: Any, **payload: Any) -> dict[str, Any]:
        return payload

    return register("note", take_note)


@pytest.fixture
def actor(db: None) -> Any:
    """A person who acts on jobs."""
    return UserFactory(user_id="ada", email="ada@example.org")


@pytest.fixture(autouse=True)
def nothing_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announcements of one test do not coalesce with those of the test before."""
    monkeypatch.setattr("jobs.announce._last_sent", {})
