"""New jobs whose unique key may be another's: the index decides who has it, and the mode what becomes of the second."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q

from jobs.exceptions import UniqueKeyTaken
from jobs.insert_statements import insert_alike, insert_one
from jobs.models import Job
from jobs.models.columns import ClockTimestamp
from jobs.models.comparison import HoldsUniqueKey
from jobs.new_job import Enqueued, Row
from jobs.uniqueness import REPLACING

#: What is unique: job type, key, and whose job it is.
Key = tuple[str, str, UUID | None]
Submitted = Enqueued | UniqueKeyTaken

_ON_CONFLICT: Final = (
    f" ON CONFLICT (job_type, unique_key, user_id) WHERE unique_key IS NOT NULL AND {HoldsUniqueKey.template} DO"
)
_RETURNING: Final = " RETURNING id, job_type, unique_key, user_id"
#: Not what says where it came from: its parent, batch, schedule, session and request stay.
_REPLACED: Final = (
    *("payload", "queue", "priority", "scheduled_at", "max_retries", "timeout", "tags", "metadata", "workspace_id"),
    *("concurrency_key", "concurrency_limit", "rate_limit", "lane_key", "expires_at", "unique_states", "unique_until"),
    *("project_name", "hostname", "arch"),
)
# Steps that a job has done are not those of another payload: such a job is left alone, as a running one is.
_REPLACE: Final = (
    f" UPDATE SET retry_count = 0, {', '.join(f'{name} = excluded.{name}' for name in _REPLACED)}"
    " WHERE job_queue.status = 'pending' AND coalesce(job_queue.unique_until > clock_timestamp(), true)"
    " AND NOT EXISTS (SELECT FROM job_tasks t WHERE t.job_id = job_queue.id)"
)
_LAPSED: Final = ExpressionWrapper(Q(unique_until__lte=ClockTimestamp()), BooleanField(null=True))


def insert_unique(row: Row, using: str) -> Submitted:
    """Add one job, or say who has its key; a running holder that may not be replaced has it too."""
    while True:
        if returned := insert_one(row, using, _suffix(row)):
            return Enqueued(returned[0][0], created=returned[0][0] == row["id"])
        # Two statements: the holder may have ended in between, and then the key is free.
        if (holder := holder_of(*_key(row), using)) is not None:
            return _second(row, holder)


def insert_many_unique(rows: Sequence[Row], using: str) -> dict[UUID, Submitted]:
    """Do that for many, in few statements; gives what became of each by the id of its row."""
    alike: dict[Key, list[Row]] = {}
    for row in rows:
        alike.setdefault(_key(row), []).append(row)
    # Whoever inserts the same keys waits for us: in one order for all, or two callers wait for each other.
    firsts = [_merged(same) for _, same in sorted(alike.items(), key=lambda item: (*item[0][:2], str(item[0][2])))]
    submitted: dict[UUID, Submitted] = {}
    for first, outcome in _insert_in_order(firsts, using).items():
        same = alike[first]
        submitted[same[0]["id"]] = outcome
        holder = outcome.id if isinstance(outcome, Enqueued) else outcome.holder
        submitted |= {row["id"]: _second(row, holder) for row in same[1:]}
    return submitted


def holder_of(job_type: str, unique_key: str, user_id: Any, using: str = "default") -> UUID | None:
    """Name the job that has this key, or None; one whose time is over loses it here."""
    jobs = Job.objects.using(using)
    held = jobs.holding_keys(job_type, [unique_key], user_id).annotate(lapsed=_LAPSED)
    for holder, lapsed in held.values_list("id", "lapsed"):
        if not lapsed:
            return holder
        jobs.filter(pk=holder).lapsed().update(unique_states=[])
    return None


class _Moved(Exception):
    """A holder went while we looked. All is taken back and done again, so that keys are locked in their order."""


def _insert_in_order(rows: Sequence[Row], using: str) -> dict[Key, Submitted]:
    while True:
        with suppress(_Moved), transaction.atomic(using=using):
            submitted = _insert_runs(rows, using)
            held = [row for row in rows if _key(row) not in submitted]
            holders = _holders(held, using)
            again = [row for row in held if holders[_key(row)] is None]
            submitted |= _insert_runs(again, using)
            if any(_key(row) not in submitted for row in again):
                raise _Moved
            return {**submitted, **{_key(row): _second(row, holder) for row in held if (holder := holders[_key(row)])}}


def _insert_runs(rows: Iterable[Row], using: str) -> dict[Key, Submitted]:
    """Add rows in their order, those beside each other that have the same columns and mode in one statement."""
    submitted: dict[Key, Submitted] = {}
    for _, run in groupby(rows, _kind):
        alike = list(run)
        ours = {row["id"] for row in alike}
        for job_id, *key in insert_alike(alike, using, _suffix(alike[0])):
            submitted[key[0], key[1], key[2]] = Enqueued(job_id, created=job_id in ours)
    return submitted


def _kind(row: Row) -> tuple[tuple[str, ...], str | None]:
    return tuple(row), row.get("unique_mode")


def _holders(rows: Sequence[Row], using: str) -> dict[Key, UUID | None]:
    """Name who has the keys; None stands for one whose time was over, and who has lost it now."""
    jobs = Job.objects.using(using)
    holders: dict[Key, UUID | None] = {}
    late: list[UUID] = []
    wanted: dict[tuple[str, UUID | None], list[str]] = {}
    for job_type, unique_key, user_id in map(_key, rows):
        wanted.setdefault((job_type, user_id), []).append(unique_key)
    for (job_type, user_id), unique_keys in wanted.items():
        found = jobs.holding_keys(job_type, unique_keys, user_id).annotate(lapsed=_LAPSED)
        for job_id, key, lapsed in found.values_list("id", "unique_key", "lapsed"):
            holders[job_type, str(key), user_id] = None if lapsed else job_id
            late += [job_id] if lapsed else []
    if len(holders) < len(rows):
        raise _Moved
    if late:
        locked = jobs.filter(pk__in=late).lapsed().order_by("job_type", "unique_key", "user_id")
        jobs.filter(pk__in=list(locked.select_for_update().values_list("id", flat=True))).update(unique_states=[])
    return holders


def _suffix(row: Row) -> str:
    act = _REPLACE if row.get("unique_mode") in REPLACING else " NOTHING"
    return _ON_CONFLICT + act + _RETURNING


def _second(row: Row, holder: UUID) -> Submitted:
    if row.get("unique_mode") == "raise":
        return UniqueKeyTaken(row["unique_key"], holder)
    return Enqueued(holder, created=False)


def _merged(same: list[Row]) -> Row:
    """Make one of the rows of one key: the first, as those behind it that replace it leave it."""
    last = next((row for row in reversed(same) if row.get("unique_mode") in REPLACING), same[0])
    return {**last, "id": same[0]["id"]}


def _key(row: Row) -> Key:
    return row["job_type"], row["unique_key"], row.get("user_id")
