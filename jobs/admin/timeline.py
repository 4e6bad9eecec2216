from dataclasses import dataclass
from datetime import datetime

from django.utils.timezone import now

from jobs.admin.display import span
from jobs.models import Job
from jobs.statuses import Status, WaitsFor


@dataclass(frozen=True, slots=True)
class Step:
    """One moment in the life of a job; `took` is the time since the step before."""

    label: str
    at: datetime | None
    took: str = ""
    #: done, current or ahead
    state: str = "done"


def timeline(job: Job) -> list[Step]:
    """Tell the life of a job so far, and what is next."""
    moments: list[tuple[str, datetime | None]] = [("Enqueued", job.created_at)]
    if job.scheduled_at and (job.scheduled_at - job.created_at).total_seconds() > 1:
        moments.append(("Due again" if job.attempt else "Due", job.scheduled_at))
    if job.started_at:
        moments.append((f"Attempt {job.attempt} started", job.started_at))
    if job.cancel_requested_at:
        moments.append(("Cancel asked", job.cancel_requested_at))
    if ended := job.completed_at or job.failed_at:
        moments.append((str(Status(job.status).label), ended))
    steps, before = [], None
    for label, at in sorted(moments, key=lambda moment: moment[1] or now()):
        took = span(at - before) if at and before else ""
        steps.append(Step(label, at, took, "ahead" if at and at > now() else "done"))
        before = at
    return steps + _next(job, before)


def _next(job: Job, before: datetime | None) -> list[Step]:
    if job.status == Status.PROCESSING:
        return [Step("Running", None, span(now() - before) if before else "", "current")]
    if job.status == Status.PENDING:
        awaited = str(WaitsFor(job.waits_for).label).lower() if job.waits_for else "a worker"
        return [Step(f"Waits for {awaited}", None, "", "ahead")]
    if job.status == Status.DEAD_LETTER:
        return [Step("Waits for a person", None, span(now() - before) if before else "", "current")]
    if job.status == Status.CANCELLED:
        return [Step("Cancelled", None)]
    return []
