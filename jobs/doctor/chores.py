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
    known: list[Any] = list(
        Chore.objects.filter(name__in=chores.chores).order_by("due_at").annotate(now=ClockTimestamp())
    )
    found = [_failed(chore) for chore in known if chore.error_message]
    # When one is late all are: nobody does them.
    if late := [chore for chore in known if (chore.now - chore.due_at).total_seconds() > LATE]:
        names = ", ".join(chore.name for chore in late)
        first = lasting((late[0].now - late[0].due_at).total_seconds())
        what = f"{len(late)} chores are not done ({names}), the first of them is due for {first}."
        advice = "Run a worker that does the maintenance, without --no-maintenance: manage.py runworker"
        found.append(warn(what, advice))
    yield from found or [ok(f"All {len(known)} chores are done in their time.")]


def _failed(chore: Any) -> Finding:
    return warn(
        f"The chore {chore.name} failed when it was done last: {chore.error_message[:200]}",
        "Mend what it says; it is tried again by itself, and the workers' logs have the whole error",
    )


def runs() -> list[tuple[Any, ...]]:
    """Give when each chore was done last, how long it took, and what went wrong."""
    return [
        (chore.name, chore.ended_at, _took(chore), chore.due_at, chore.error_message[:200])
        for chore in Chore.objects.filter(name__in=chores.chores).order_by("name")
    ]


def _took(chore: Chore) -> float | None:
    if chore.started_at is None or chore.ended_at is None or chore.ended_at < chore.started_at:
        return None
    return (chore.ended_at - chore.started_at).total_seconds()
