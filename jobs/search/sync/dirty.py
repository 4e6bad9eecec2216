"""Jobs that changed since they were sent: their version is above the one that was, and nothing else tells."""

from collections.abc import Collection
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

from django.db import connection

from jobs.search.sync.slots import Held

#: What one round sends of a slot at most, and at least when the engine is slow.
MOST_JOBS: Final = 500
FEWEST_JOBS: Final = 20

#: A change is sent when it is so many seconds old: by then a new job has usually been claimed, and what changes several
#: times in a row is sent once. A hint only, no rule: of what is younger nothing is missed.
SETTLE_SECONDS: Final = 0.25

_DIRTY: Final = (files("jobs") / "sql" / "queries" / "search_dirty_jobs.sql").read_text()


def dirty(held: Held, settle: float, most: int, but: Collection[tuple[UUID, int]] = ()) -> list[UUID]:
    """Name up to so many jobs of the slot that changed, those first that wait longest.

    `but` are versions that have been sent.
    """
    values: dict[str, Any] = {
        "slot": held.number,
        "settle": settle,
        "ids": [job for job, _ in but],
        "versions": [version for _, version in but],
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DIRTY, values)
        return [job for (job,) in cursor.fetchall()]
