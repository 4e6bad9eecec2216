"""Time that passes at once, for tests of applications."""

from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Q

from jobs.models import Job, Task
from jobs.models.columns import ClockTimestamp
from jobs.statuses import WaitsFor

#: When a job is due that waits for an event without a time-out, as suspend_jobs has it.
NEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)


def skip_wait(job_id: Any) -> None:
    """Have a job that is not due yet be past its sleep, or past its time for an event."""
    Job.objects.filter(pk=job_id, waits_for=WaitsFor.EVENT).update(waits_for=None)
    if Job.objects.filter(pk=job_id, scheduled_at__gt=ClockTimestamp()).exists():
        waits = Task.objects.filter(job_id=job_id, status=Task.Status.PROCESSING, wake_at__isnull=False)
        waits.filter(Q(kind=Task.Kind.SLEEP) | Q(kind=Task.Kind.EVENT)).update(wake_at=ClockTimestamp())
