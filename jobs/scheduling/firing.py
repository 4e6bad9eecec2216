"""Making the jobs of schedules whose times have come. Any number of workers may call it at once.

A schedule's row is locked while its jobs are made and its next time is written, in one transaction: whoever dies in it
has done nothing, and who finds it locked passes on. The database's clock alone decides what is due.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from jobs import control
from jobs.crash_points import commit_points
from jobs.exceptions import InvalidState, JobError
from jobs.models import Job, Schedule
from jobs.models.columns import ClockTimestamp
from jobs.payloads import storable
from jobs.scheduling.catching_up import catch_up
from jobs.scheduling.moments import database_time
from jobs.scheduling.submission import submit

_logger = logging.getLogger(__name__)

#: How many schedules one transaction takes: while it lasts nobody else can change them.
BATCH: Final = 20
#: How many jobs before it one time cancels; the next one goes on with the rest.
MOST_CANCELLED: Final = 100
ERROR_MAX_LENGTH: Final = 1_000


@dataclass(slots=True)
class Fired:
    """What became of a schedule that was due."""

    schedule_id: UUID
    name: str
    #: The jobs made, by the times that they were made for.
    jobs: dict[datetime, UUID] = field(default_factory=dict)
    #: Times that made no job.
    skipped: int = 0
    #: Why none could be made; "" when all is well.
    error: str = ""


def fire_due(limit: int = 100, *, now: datetime | None = None) -> list[Fired]:
    """Make the jobs of at most so many schedules that are due and that nobody else is at.

    What keeps one of them from it is kept in its `last_error`, and the next of its times tries again. `now` is for
    tests, which cannot wait.
    """
    fired: list[Fired] = []
    while len(fired) < limit:
        batch = _fire_batch(min(BATCH, limit - len(fired)), now)
        if not batch:
            break
        fired += batch
    return fired


def seconds_until_due() -> float | None:
    """Tell when the next schedule is due, none or less when one is already; None when nothing awaits a time."""
    wait = Schedule.objects.due().annotate(wait=F("next_run_at") - ClockTimestamp()).values_list("wait", flat=True)[:1]
    return next((left.total_seconds() for left in wait), None)


@transaction.atomic
def _fire_batch(size: int, now: datetime | None) -> list[Fired]:
    now = now or database_time()
    due = Schedule.objects.due(now).select_for_update(skip_locked=True)[:size]
    with commit_points("fire"):
        return [_fire(schedule, now) for schedule in due]


def _fire(schedule: Schedule, now: datetime) -> Fired:
    fired = Fired(schedule.pk, schedule.name)
    changes: dict[str, Any] = {"next_run_at": None}
    try:
        due = catch_up(schedule, now)
        changes = {"next_run_at": due.next_run_at, "is_active": due.next_run_at is not None}
        fired.skipped = due.skipped + len(due.times)
        with transaction.atomic():
            fired.jobs = _make_jobs(schedule, due.times)
        fired.skipped -= len(fired.jobs)
    except (OperationalError, InterfaceError):
        # Not the schedule's fault: nothing has happened then.
        raise
    except JobError as error:
        fired.error = _said(error)
        _logger.warning("the schedule %s could make no job: %s", schedule.name, fired.error)
    except Exception as error:
        fired.error = _said(error)
        _logger.exception("the schedule %s could make no job", schedule.name)
    if fired.jobs:
        changes |= {"last_run_at": now, "last_job": fired.jobs[max(fired.jobs)]}
    Schedule.objects.filter(pk=schedule.pk).update(
        **changes, skipped=F("skipped") + fired.skipped, last_error=fired.error
    )
    return fired


def _make_jobs(schedule: Schedule, times: list[datetime]) -> dict[datetime, UUID]:
    if schedule.overlap == Schedule.Overlap.CANCEL and times:
        # Of jobs made together each would cancel the one before.
        times = times[-1:]
        _cancel_unfinished(schedule, times[0])
    elif schedule.overlap == Schedule.Overlap.SKIP and times:
        times = [] if Job.objects.unfinished_of(schedule.pk).exists() else times[:1]
    return submit(schedule, times)


def _cancel_unfinished(schedule: Schedule, moment: datetime) -> None:
    reason = f"The schedule {schedule.name} has come to {moment.isoformat()}."
    unfinished = Job.objects.unfinished_of(schedule.pk).order_by("id").values_list("id", flat=True)
    for job_id in list(unfinished[:MOST_CANCELLED]):
        try:
            control.cancel(job_id, None, reason)
        except (InvalidState, Job.DoesNotExist):
            # It has ended in the meantime.
            continue


def _said(error: Exception) -> str:
    text = str(error) if isinstance(error, JobError) else f"{type(error).__name__}: {error}"
    return storable(text.strip().split("\n", 1)[0])[:ERROR_MAX_LENGTH]
