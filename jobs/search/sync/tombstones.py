"""Telling the search engine of jobs that are deleted for good."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.db import connection

from jobs.models import SearchTombstone
from jobs.search.sync.sending import MOST_OPERATIONS, Change
from jobs.search.sync.slots import Held, SlotOf

# A version and no more: who comes back under the same id and is deleted again has a tombstone of a later one.
_FORGET: Final = """
DELETE FROM job_search_tombstones t USING unnest(%s::uuid[], %s::bigint[]) AS s (id, version)
WHERE t.job_id = s.id AND t.version <= s.version
"""


def deletions(held: Held) -> list[Change]:
    """Give the deletions of the slot's jobs that the engine was not told of, some of many and in no order."""
    stones = SearchTombstone.objects.annotate(slot=SlotOf("job_id")).filter(slot=held.number).order_by()
    found = stones.values_list("job_id", "version")[:MOST_OPERATIONS]
    return [Change(job, version, None) for job, version in found]


def forget(sent: Mapping[UUID, int]) -> None:
    """Forget the deletions that the engine has done; in the caller's transaction."""
    if sent:
        with connection.cursor() as cursor:
            cursor.execute(_FORGET, [list(sent), list(sent.values())])
