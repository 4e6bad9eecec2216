"""A pytest plugin for the run through PgBouncer: what names an actor works with the rights of the web process."""

import pytest


@pytest.fixture(autouse=True)
def in_the_role_of_the_app(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db") or {"db", "transactional_db"} & set(request.fixturenames):
        request.getfixturevalue("handlers_as_app")
