"""Search as `manage.py search enable` leaves it, without any index yet."""

from collections.abc import Iterator
from typing import Any

import pytest

from jobs.models import Job
from jobs.search.sync import enabling
from tests.search_server import SearchServer


@pytest.fixture
def switched_on(transactional_db: None, search_engine: SearchServer) -> Iterator[SearchServer]:
    enabling.prepare()
    yield search_engine
    enabling.disable()


def put_in(count: int, **columns: Any) -> list[Job]:
    """Put in pending jobs."""
    return Job.objects.bulk_create([Job(job_type="note", **columns) for _ in range(count)])
