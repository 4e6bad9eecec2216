"""Search as `manage.py search enable` leaves it, without any index yet."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from jobs.models import Job, SearchSlot
from jobs.models.search_slot import SLOTS
from tests.search_server import SearchServer

_ON = """
CREATE INDEX IF NOT EXISTS job_search_dirty ON job_queue ((get_byte(uuid_send(id), 15) & 3), updated_at)
WHERE es_sync_version < version;
CREATE OR REPLACE TRIGGER note_deleted_jobs AFTER DELETE ON job_queue REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION note_deleted_jobs();
"""
_OFF = "DROP TRIGGER IF EXISTS note_deleted_jobs ON job_queue; DROP INDEX IF EXISTS job_search_dirty"


@pytest.fixture
def switched_on(transactional_db: None, search_engine: SearchServer) -> Iterator[SearchServer]:
    with connection.cursor() as cursor:
        cursor.execute(_ON)
    SearchSlot.objects.bulk_create([SearchSlot(number=number) for number in range(SLOTS)], ignore_conflicts=True)
    yield search_engine
    with connection.cursor() as cursor:
        cursor.execute(_OFF)


def put_in(count: int, **columns: Any) -> list[Job]:
    """Put in pending jobs."""
    return Job.objects.bulk_create([Job(job_type="note", **columns) for _ in range(count)])
