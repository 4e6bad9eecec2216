"""Redrive, discard and resolve, done to many dead letters in few statements, with all that one alone is promised."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, Func, TextField, Value, When
from django.db.models.functions import Concat, Now

from jobs import status_cache
from jobs.announce import announce
from jobs.bulk.by import By
from jobs.bulk.locking import Locked, lock_letters
from jobs.bulk.report import Report
from jobs.bulk.rights import allowed, put_back
from jobs.control import lane_in, restart_changes
from jobs.exceptions import InvalidOption
from jobs.models import DeadLetter, Job
from jobs.models.audit import audit_many
from jobs.models.comparison import IsAmong
from jobs.statuses import Resolution, Status

Letters = dict[UUID, Locked]


def redrive(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Put the jobs back to pending with all their retries, as they are or to another queue."""
    report, queue = Report(), arguments.get("queue")
    letters = lock_letters(ids, "redrive", report)
    of = {job.pk: letter_id for letter_id, job in letters.items()}

    def refuse(job: Locked, why: str) -> None:
        report.fail(of[job.pk], why)

    jobs = allowed(list(letters.values()), refuse)
    lanes = _lanes(jobs, queue, refuse) if queue else {}
    jobs = [job for job in jobs if not queue or job.pk in lanes]
    status_cache.block(job.pk for job in jobs)
    redriven = put_back(
        jobs,
        lambda job: restart_changes() | ({"queue": queue, "lane_key": lanes[job.pk]} if queue else {}),
        refuse,
        lambda job: report.later.append(of[job.pk]),
    )
    forget_time_outs([job.pk for job in redriven])
    moved = [job for job in redriven if queue and job.queue != queue]
    _settle([of[job.pk] for job in redriven], Resolution.REDRIVEN, by, {of[job.pk]: job.queue for job in moved}, queue)
    announce({(queue or job.queue, job.priority) for job in redriven})
    report.done, report.jobs = len(redriven), [job.pk for job in redriven]
    return report


def _lanes(jobs: Sequence[Locked], queue: str, refuse: Callable[[Locked, str], None]) -> dict[UUID, str | None]:
    """Give the lanes of jobs in another queue; not of those that its workers could do nothing with."""
    lanes = {}
    for job in jobs:
        try:
            lanes[job.pk] = lane_in(queue, cast(Job, job))
        except InvalidOption as error:
            refuse(job, str(error))
    return lanes


def discard(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Give the jobs up for good."""
    return _end(ids, by, "discard", Resolution.DISCARDED, {"status": Status.FAILED})


def resolve(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Declare the work of the jobs done by other means."""
    changes = {"status": Status.COMPLETED, "completed_at": Now(), "failed_at": None, "result": None}
    return _end(ids, by, "resolve", Resolution.RESOLVED, changes)


def _end(ids: Sequence[UUID], by: By, action: str, resolution: Resolution, changes: dict[str, Any]) -> Report:
    report = Report()
    letters = lock_letters(ids, action, report)
    jobs = [job.pk for job in letters.values()]
    status_cache.block(jobs)
    Job.objects.filter(IsAmong("pk", jobs)).update(**changes)
    _settle(list(letters), resolution, by)
    report.done = len(letters)
    return report


def _settle(
    letters: list[UUID],
    resolution: Resolution,
    by: By,
    moved: Mapping[UUID, str] | None = None,
    queue: str | None = None,
) -> None:
    """Write what was decided, all letters at once: the trigger that counts then locks groups in one order.

    `moved` are the letters whose jobs go to another queue, each with the one that they come from.
    """
    if not letters:
        return
    changes: dict[str, Any] = {}
    if moved:
        changes["redriven_queue"] = Case(
            When(pk__in=list(moved), then=Value(queue, TextField())), default=F("redriven_queue")
        )
    if by.reason:
        changes["resolution_notes"] = _trimmed(Concat(F("resolution_notes"), Value(f"\n{by.reason}")))
    DeadLetter.objects.filter(IsAmong("pk", letters)).update(
        resolution_status=resolution, resolved_at=Now(), resolved_by=by.actor, ignored_until=None, **changes
    )
    details: dict[UUID, dict[str, Any]] = {letter: dict(by.details) for letter in letters}
    for letter, left in (moved or {}).items():
        details[letter] |= {"queue_before": left, "queue_after": queue}
    audit_many(by.actor, by.actor_name, resolution, DeadLetter, details, by.reason)


def _trimmed(text: Any) -> Func:
    return Func(text, Value(" \t\r\n"), function="btrim", output_field=TextField())


# The last task of each job, if it is the wait for an event that did not come in time.
_FORGET: Final = """
UPDATE job_tasks t SET status = 'pending', completed_at = NULL, error_class = NULL, error_message = NULL
FROM unnest(%s::uuid[]) AS wanted (job_id)
CROSS JOIN LATERAL (
    SELECT l.id, l.kind, l.status FROM job_tasks l WHERE l.job_id = wanted.job_id ORDER BY l.position DESC LIMIT 1
) last
WHERE t.id = last.id AND last.kind = 'event' AND last.status = 'failed'
"""


def forget_time_outs(jobs: list[UUID]) -> None:
    """Have jobs wait once more for the event that did not come, where that is how far they had got."""
    if jobs:
        with connection.cursor() as cursor:
            cursor.execute(_FORGET, [jobs])
