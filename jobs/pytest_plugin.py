"""Fixtures for the tests of applications: `pytest_plugins = ["jobs.pytest_plugin"]` in the topmost conftest.py.

Nothing of Django is imported before a test asks for it: pytest loads plugins before the settings are there.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def eager_jobs(db: None) -> Iterator[None]:
    """Run each job in the call that submits it, and raise there what its handler raises."""
    from jobs.testing import eager

    with eager():
        yield


@pytest.fixture
def drain_jobs(db: None) -> Callable[..., Any]:
    from jobs import testing

    return testing.drain_jobs


@pytest.fixture
def run_job(db: None) -> Callable[..., Any]:
    from jobs import testing

    return testing.run_job


@pytest.fixture
def assert_enqueued(db: None) -> Callable[..., Any]:
    from jobs import testing

    return testing.assert_enqueued


@pytest.fixture
def refute_enqueued(db: None) -> Callable[..., Any]:
    from jobs import testing

    return testing.refute_enqueued


@pytest.fixture
def register_job() -> Iterator[Callable[..., Any]]:
    """Register a handler until the test ends: `register_job("send_mail", function, max_retries=0)`."""
    from jobs.decorators import job
    from jobs.registry import registry

    names: list[str] = []

    def register(name: str, function: Callable[..., Any], **options: Any) -> Any:
        handler = job(name, **options)(function)
        names.append(name)
        return handler

    yield register
    for name in names:
        registry.remove(name)
