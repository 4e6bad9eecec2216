"""Rows of new jobs into the table, part of the caller's transaction, and a word to the workers."""

from collections.abc import Mapping, Sequence

from django.db import router, transaction

from jobs import tracing
from jobs.announce import announce
from jobs.crash_points import crash_point
from jobs.exceptions import UniqueKeyTaken
from jobs.insert_statements import insert_alike, insert_one
from jobs.lanes import give_lanes
from jobs.models import Job
from jobs.models.returned import columns, job_of
from jobs.new_job import Enqueued, Row
from jobs.unique_keys import Submitted, insert_many_unique, insert_unique


def insert(row: Row) -> Enqueued:
    """Add one job, or give the one that has its unique key; raises UniqueKeyTaken where the row wants that."""
    using = router.db_for_write(Job)
    give_lanes([row], using)
    with tracing.sending([row]):
        if _has_key(row):
            submitted = _granted(insert_unique(row, using))
        else:
            insert_one(row, using)
            submitted = Enqueued(row["id"])
    announce([(row["queue"], row["priority"])], using)
    return submitted


def insert_and_read(row: Row) -> tuple[Enqueued, Job]:
    """Do that, and give the job as it is in the table: without a key it takes no statement more."""
    if _has_key(row):
        submitted = insert(row)
        return submitted, submitted.fetch()
    using = router.db_for_write(Job)
    give_lanes([row], using)
    with tracing.sending([row]):
        (stored,) = insert_one(row, using, f" RETURNING {columns()}")
    announce([(row["queue"], row["priority"])], using)
    return Enqueued(row["id"]), job_of(stored, using)


def insert_many(rows: Sequence[Row]) -> list[Enqueued]:
    """Add many, all or none; raises UniqueKeyTaken as insert does."""
    with transaction.atomic(using=router.db_for_write(Job)):
        return [_granted(submitted) for submitted in insert_each(rows)]


def insert_each(rows: Sequence[Row]) -> list[Submitted]:
    """Add those of many whose key is free or that do not insist; UniqueKeyTaken stands in the place of the others.

    Several statements: call it in a transaction.
    """
    using = router.db_for_write(Job)
    give_lanes(rows, using)
    with tracing.sending(rows):
        for group in _by_columns([row for row in rows if not _has_key(row)]).values():
            insert_alike(group, using)
        crash_point("mid_bulk_submit")
        keyed = [row for row in rows if _has_key(row)]
        unique = insert_many_unique(keyed, using) if keyed else {}
    announce({(row["queue"], row["priority"]) for row in rows}, using)
    return [unique.get(row["id"]) or Enqueued(row["id"]) for row in rows]


def _granted(submitted: Submitted) -> Enqueued:
    if isinstance(submitted, UniqueKeyTaken):
        raise submitted
    return submitted


def _has_key(row: Row) -> bool:
    return "unique_key" in row


def _by_columns(rows: Sequence[Row]) -> Mapping[tuple[str, ...], list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return groups
