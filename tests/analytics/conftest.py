"""The logs' tables are made in SQL, so Django does not empty them after tests that commit."""

from collections.abc import Iterator

import pytest
from django.db import connections, router

from analytics.models import RequestLog


@pytest.fixture
def empty_logs(transactional_db: None) -> Iterator[None]:
    """Give a test that commits a log without rows, and leave one to the next."""
    _empty()
    yield
    _empty()


def _empty() -> None:
    with connections[router.db_for_write(RequestLog)].cursor() as cursor:
        cursor.execute("TRUNCATE request_logs, error_logs")
