"""What workers do beside jobs: whether it is done, and how it went."""

from collections.abc import Iterator
from typing import Any, Final

from jobs import chores
from jobs.doctor.findings import Finding, lasting, ok, warn
from jobs.models import Chore
from jobs.models.columns import ClockTimestamp

#: Seconds beyond its time; a run that goes on may take a quarter of an hour.
LATE: Final = 1800.0


def look() -> Iterator[Finding]:
    known = list(Chore.objects.filter(name__in=chores.chores).annotate(now=ClockTimestamp()))
    found = [finding for chore in known for finding in _chore(chore)]
    yield from found or [ok(f"All {len(known)} chores are done in their time.")]


def _chore(chore: Any) -> Iterator[Finding]:
    late = (chore.now - chore.due_at).total_seconds()
    if chore.error_message:
        yield warn(
            f"The chore {chore.name} failed when it was done last: {chore.error_message[:200]}",
            "Mend what it says; it is tried again by itself, and the workers' logs have the whole error",
        )
    if late > LATE:
        yield warn(
            f"The chore {chore.name} has been due for {lasting(late)}.",
            "Run a worker that does the maintenance, without --no-maintenance: manage.py runworker",
        )
