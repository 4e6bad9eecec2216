"""What more workers could begin at once in each queue, and since when: what to scale by."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Backlog:
    """One queue now. What a pause or a limit holds back is neither due nor has an age here."""

    queue: str
    #: How long the job of them that is due longest has been due; 0 without one.
    age_seconds: float
    #: How many there are, counted up to 10,000.
    due: int
    running: int


def look_at_backlog(queues: Iterable[str] | None = None, job_types: Iterable[str] | None = None) -> list[Backlog]:
    """Look at these queues, or without names at all but those of other languages' workers."""
    named = [None if names is None else list(names) for names in (queues, job_types)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT queue, age_seconds, due, running FROM queue_backlog(%s::text[], %s::text[])", named)
        return [Backlog(*row) for row in cursor.fetchall()]
