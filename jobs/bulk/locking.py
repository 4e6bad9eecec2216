"""Rows of a chunk, locked without waiting for anybody: what others hold is asked again later, one row at a time.

Workers lock the jobs of a batch in an order of their own. Whoever holds many jobs and waits for one more could wait
for a worker that waits for him.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from jobs.bulk.report import GONE, Report
from jobs.models import DeadLetter, Job
from jobs.models.job import JobQuerySet
from jobs.statuses import LIVE

_COLUMNS: Final = (
    *("id", "job_type", "queue", "priority", "status", "user_id", "cancel_requested_at", "waits_for"),
    *("unique_key", "unique_states", "is_deleted", "concurrency_key"),
)


def lock_jobs(ids: Sequence[UUID], report: Report, *, deleted: bool = False) -> list[Job]:
    """Lock the jobs that nobody else holds, in the order of their ids; tells the report of the others."""
    jobs: JobQuerySet = Job.objects.all() if deleted else Job.objects.visible()
    mine = {job.pk: job for job in _locked(jobs.filter(pk__in=ids), _COLUMNS)}
    others = [row_id for row_id in ids if row_id not in mine]
    there = set(jobs.filter(pk__in=others).order_by().values_list("pk", flat=True)) if others else set()
    _tell_of_others(others, there, report)
    return list(mine.values())


def lock_letters(ids: Sequence[UUID], action: str, report: Report) -> dict[UUID, Job]:
    """Lock the letters whose jobs are dead letters still, and these jobs first; gives each letter's job."""
    of = dict(DeadLetter.objects.filter(pk__in=ids).order_by().values_list("pk", "original_job_id"))
    jobs = {job.pk: job for job in _locked(Job.objects.filter(pk__in=set(of.values())), _COLUMNS)}
    at_hand = [letter_id for letter_id in ids if of.get(letter_id) in jobs]
    letters = {
        letter.pk: letter for letter in _locked(DeadLetter.objects.filter(pk__in=at_hand), ("resolution_status",))
    }
    _tell_of_others([letter_id for letter_id in ids if letter_id not in letters], set(of), report)
    found = {}
    for letter_id, letter in letters.items():
        if letter.resolution_status in LIVE:
            found[letter_id] = jobs[of[letter_id]]
        else:
            report.skip(letter_id, f"Cannot {action} it: its status is {letter.resolution_status}.")
    return found


def _locked(rows: QuerySet[Any], columns: Iterable[str]) -> list[Any]:
    return list(rows.order_by("pk").select_for_update(skip_locked=True, of=("self",)).only("pk", *columns))


def _tell_of_others(others: Iterable[UUID], there: set[UUID], report: Report) -> None:
    for row_id in others:
        if row_id in there:
            report.later.append(row_id)
        else:
            report.skip(row_id, GONE)
