"""Redrive, discard and resolve, done to many dead letters in few statements, with all that one alone is promised."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Concat, Now

from jobs import status_cache
from jobs.announce import announce
from jobs.bulk.by import By
from jobs.bulk.locking import lock_letters
from jobs.bulk.report import Report
from jobs.bulk.rights import allowed, put_back
from jobs.control import restart_changes
from jobs.models import DeadLetter, Job
from jobs.models.audit import audit_many
from jobs.statuses import Resolution, Status

Letters = dict[UUID, Job]


def redrive(ids: Sequence[UUID], by: By, arguments: Mapping[str, Any]) -> Report:
    """Put the jobs back to pending with all their retries, as they are."""
    report = Report()
    letters = lock_letters(ids, "redrive", report)
    of = {job.pk: letter_id for letter_id, job in letters.items()}
    jobs = allowed(list(letters.values()), lambda job, why: report.fail(of[job.pk], why))
    status_cache.block(job.pk for job in jobs)
    redriven = put_back(
        jobs,
        restart_changes(),
        lambda job, why: report.fail(of[job.pk], why),
        lambda job: report.later.append(of[job.pk]),
    )
    forget_time_outs([job.pk for job in redriven])
    _settle([of[job.pk] for job in redriven], Resolution.REDRIVEN, by)
    announce({(job.queue, job.priority) for job in redriven})
    report.done, report.jobs = len(redriven), [job.pk for job in redriven]
    return report


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
    Job.objects.filter(pk__in=jobs).update(**changes)
    _settle(list(letters), resolution, by)
    report.done = len(letters)
    return report


def _settle(letters: list[UUID], resolution: Resolution, by: By) -> None:
    """Write what was decided, all letters at once: the trigger that counts then locks groups in one order."""
    if not letters:
        return
    changes: dict[str, Any] = {}
    if by.reason:
        changes["resolution_notes"] = _trimmed(Concat(F("resolution_notes"), Value(f"\n{by.reason}")))
    DeadLetter.objects.filter(pk__in=letters).update(
        resolution_status=resolution, resolved_at=Now(), resolved_by=by.actor, ignored_until=None, **changes
    )
    audit_many(by.actor, by.actor_name, resolution, DeadLetter, dict.fromkeys(letters, by.details), by.reason)


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
