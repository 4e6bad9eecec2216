"""Rows of a chunk, locked without waiting for anybody: what others hold is asked again later, one row at a time.

Workers lock the jobs of a batch in an order of their own. Whoever holds many jobs and waits for one more could wait
for a worker that waits for him.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from jobs.bulk.report import GONE, Report
from jobs.models import DeadLetter, Job
from jobs.models.comparison import IsAmong
from jobs.models.job import JobQuerySet
from jobs.statuses import LIVE


class Locked(NamedTuple):
    """What acts look at of a job that is locked; thousands of whole jobs would take longer to make than to write."""

    pk: UUID
    job_type: str
    queue: str
    priority: int
    status: str
    user_id: UUID | None
    cancel_requested_at: datetime | None
    waits_for: str | None
    unique_key: str | None
    unique_states: list[str] | None
    is_deleted: bool
    concurrency_key: str | None


def lock_jobs(ids: Sequence[UUID], report: Report, *, deleted: bool = False) -> list[Locked]:
    """Lock the jobs that nobody else holds, in the order of their ids; tells the report of the others."""
    jobs: JobQuerySet = Job.objects.all() if deleted else Job.objects.visible()
    mine = _locked_jobs(jobs, ids)
    others = [row_id for row_id in ids if row_id not in mine]
    there = set(jobs.filter(IsAmong("pk", others)).order_by().values_list("pk", flat=True)) if others else set()
    _tell_of_others(others, there, report)
    return list(mine.values())


def lock_letters(ids: Sequence[UUID], action: str, report: Report) -> dict[UUID, Locked]:
    """Lock the letters whose jobs are dead letters still, and these jobs first; gives each letter's job."""
    of = dict(DeadLetter.objects.filter(IsAmong("pk", ids)).order_by().values_list("pk", "original_job_id"))
    jobs = _locked_jobs(Job.objects.all(), set(of.values()))
    at_hand = DeadLetter.objects.filter(IsAmong("pk", [row_id for row_id in ids if of.get(row_id) in jobs]))
    letters = dict(_in_order(at_hand).values_list("pk", "resolution_status"))
    _tell_of_others([row_id for row_id in ids if row_id not in letters], set(of), report)
    found = {}
    for letter_id, status in letters.items():
        if status in LIVE:
            found[letter_id] = jobs[of[letter_id]]
        else:
            report.skip(letter_id, f"Cannot {action} it: its status is {status}.")
    return found


def _locked_jobs(jobs: QuerySet[Job], ids: Iterable[UUID]) -> dict[UUID, Locked]:
    rows = _in_order(jobs.filter(IsAmong("pk", ids))).values_list(*Locked._fields)
    return {row[0]: Locked(*row) for row in rows}


def _in_order(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.order_by("pk").select_for_update(skip_locked=True, of=("self",))


def _tell_of_others(others: Iterable[UUID], there: set[UUID], report: Report) -> None:
    for row_id in others:
        if row_id in there:
            report.later.append(row_id)
        else:
            report.skip(row_id, GONE)
