from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.jobs.articles.web import Server, serving

PAGES = Path(__file__).parents[2] / "fixtures" / "pages"


@pytest.fixture
def web(settings: Settings) -> Iterator[Server]:
    """A server on this machine, and the fetcher allowed to reach it."""
    settings.ARTICLES_ALLOW_PRIVATE_HOSTS = True
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def pages() -> Path:
    return PAGES
