"""Queues with work that is due and goes on waiting: nobody listens to them, or not enough."""

from collections.abc import Iterator
from typing import Final

from jobs.backlog import Backlog, look_at_backlog
from jobs.doctor.findings import Finding, critical, lasting, ok, warn
from jobs.doctor.workers import alive
from jobs.languages import is_foreign
from jobs.queues import snapshot

#: Seconds that work may be due: where nobody listens, and where workers do not keep up.
UNHEARD: Final = 60.0
LATE: Final = 600.0


def look() -> Iterator[Finding]:
    backlogs = {backlog.queue: backlog for backlog in look_at_backlog()}
    # Those of other languages are left out there: their workers have no rows.
    foreign = [each for each in snapshot() if is_foreign(each.name) and not each.paused]
    for each in foreign:
        backlogs.setdefault(each.name, Backlog(each.name, each.oldest_age_seconds, each.depth, each.processing))
    heard = [queues for (queues,) in alive().values_list("queues")]
    found = [finding for each in backlogs.values() for finding in _queue(each, heard)]
    due, oldest = sum(b.due for b in backlogs.values()), max([0.0, *(b.age_seconds for b in backlogs.values())])
    yield from found or [ok(f"{due:,} jobs are due, the oldest of them for {lasting(oldest)}.")]


def _queue(backlog: Backlog, heard: list[list[str]]) -> Iterator[Finding]:
    name, age = backlog.queue, backlog.age_seconds
    waits = f"{backlog.due:,} jobs are due in the queue {name}, the oldest for {lasting(age)}"
    if is_foreign(name):
        if age > LATE and not backlog.running:
            yield warn(
                f"{waits}, and no worker of its language runs any.", "Start a worker of that language: docs/workers.md"
            )
    elif age > UNHEARD and not any(not queues or name in queues for queues in heard):
        yield critical(f"{waits}, and no live worker listens to it.", f"manage.py runworker --queues {name}")
    elif age > LATE:
        yield warn(f"{waits}: the workers do not keep up.", "manage.py runworker --processes 1-10 --autoscale")
