"""Letting jobs go that waited for other jobs: the words that were left for them are read and acted on."""

from dataclasses import dataclass

from django.db import connections

from jobs.announce import Lane, announce
from jobs.crash_points import commit_points

_RELEASE = "SELECT queue, priority FROM release_waiting_jobs()"


@dataclass(frozen=True, slots=True)
class Released:
    """Where released jobs are now, and whether more is left to do."""

    lanes: frozenset[Lane]
    #: Words were left for another call: there were too many, or others had the jobs' rows locked.
    more: bool


def release_waiting(using: str = "default") -> Released:
    """Release the jobs whose dependencies are all met, cancel those that can never run, and wake the lanes' workers.

    Costs one round trip where there is nothing to do. Any number of callers at once share the work; none waits for
    another transaction. Call it outside of transactions: what it sees is what is committed.
    """
    with commit_points("release", using=using), connections[using].cursor() as cursor:
        cursor.execute(_RELEASE)
        rows = cursor.fetchall()
    lanes = frozenset((queue, priority) for queue, priority in rows if queue is not None)
    if lanes:
        announce(lanes, using)
    return Released(lanes, more=any(queue is None for queue, _ in rows))
