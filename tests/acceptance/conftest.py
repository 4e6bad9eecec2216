"""A stage for each test, on the test database of this run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

pytest.register_assert_rewrite("tests.acceptance.crash_scenarios", "tests.acceptance.search_scenarios")

from tests.acceptance import history  # noqa: E402
from tests.acceptance.nursery import Nursery  # noqa: E402
from tests.acceptance.stage import Stage  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


def database_url() -> str:
    """The test database as workers are to reach it."""
    settings = connection.settings_dict
    given = {
        "host": settings["HOST"],
        "port": settings["PORT"],
        "user": settings["USER"],
        "password": settings["PASSWORD"],
    }
    query = "&".join(f"{name}={value}" for name, value in given.items() if value)
    return f"postgresql:///{settings['NAME']}?{query}"


@pytest.fixture
def stage(transactional_db: None, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(database_url(), tmp_path)
    yield stage
    stage.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS proof_effects")


@pytest.fixture
def watched(stage: Stage) -> Iterator[Stage]:
    """A stage whose jobs' every change is written down."""
    history.watch(stage.db)
    yield stage
    history.forget(stage.db)


@pytest.fixture
def nursery(stage: Stage) -> Iterator[Nursery]:
    nursery = Nursery(stage)
    yield nursery
    nursery.close()
