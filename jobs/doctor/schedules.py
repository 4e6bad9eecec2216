"""Schedules whose time has passed without a job."""

from collections.abc import Iterator
from typing import Any, Final

from jobs.doctor.findings import Finding, lasting, ok, warn
from jobs.models import Schedule
from jobs.models.columns import ClockTimestamp

#: Seconds.
LATE: Final = 300.0


def look() -> Iterator[Finding]:
    first: list[Any] = list(Schedule.objects.due().annotate(now=ClockTimestamp())[:5])
    found = []
    for schedule in first:
        assert schedule.next_run_at is not None
        seconds = (schedule.now - schedule.next_run_at).total_seconds()
        if seconds > LATE:
            what = f"The schedule {schedule.name} should have fired {lasting(seconds)} ago."
            found.append(
                warn(what, "Run a worker that does the maintenance, without --no-maintenance: manage.py runworker")
            )
    yield from found or [ok("No schedule is late.")]
