"""Search switched on, with an empty index that serves: what changes from then on is to be sent to it."""

from collections.abc import Iterator

import pytest
from django.db.models.functions import Now

from jobs.models import SearchIndex
from jobs.search.mapping import MAPPING_VERSION, index_body
from tests.jobs.search.sync.switched_on import switched_on  # noqa: F401 (fixture)
from tests.search_server import SearchServer


def make_index(server: SearchServer, number: int, state: str) -> str:
    """Make an index that is loaded, and its row."""
    name = server.new_index(number)
    server.engine.create_index(name, index_body())
    since = Now() if state == SearchIndex.State.SERVING else None
    SearchIndex.objects.create(
        name=name, state=state, mapping_version=MAPPING_VERSION, loaded_at=Now(), serving_since=since
    )
    return name


@pytest.fixture
def serving(switched_on: SearchServer) -> Iterator[SearchServer]:  # noqa: F811
    name = make_index(switched_on, 1, SearchIndex.State.SERVING)
    switched_on.engine.move_alias(switched_on.alias, name)
    yield switched_on
