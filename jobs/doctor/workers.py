"""Workers: whether one is there, and who fell silent with jobs in hand."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.db.models import Q

from jobs import conf
from jobs.backlog import look_at_backlog
from jobs.doctor.findings import Finding, critical, graded, lasting, ok
from jobs.models import ProcessingLock, Worker
from jobs.models.columns import ClockTimestamp
from jobs.models.worker import WorkerQuerySet

#: A worker that missed so many heartbeats is taken for dead by the others.
SILENT_BEATS: Final = 3
#: Heartbeats after which whoever rescues has had time enough.
LIMITS: Final = (9.0, 60.0)


def alive() -> WorkerQuerySet:
    """Give the workers that were heard of lately."""
    silence = timedelta(seconds=SILENT_BEATS * conf.heartbeat_interval())
    return Worker.objects.running().filter(heartbeat_at__gte=ClockTimestamp() - silence)


def look() -> Iterator[Finding]:
    workers = list(alive().values_list("concurrency", "running"))
    if not workers and (due := sum(backlog.due for backlog in look_at_backlog())):
        yield critical(f"No worker is alive, and {due:,} jobs are due.", "manage.py runworker")
        return
    found = list(_silent())
    slots, busy = sum(each for each, _ in workers), sum(each for _, each in workers)
    yield from found or [ok(f"{len(workers)} workers are alive; {busy} of their {slots} slots are busy.")]


def _silent() -> Iterator[Finding]:
    """Name those that hold locks although nobody has heard of them for long: their jobs were not rescued."""
    beat = conf.heartbeat_interval()
    holders = Q(pk__in=ProcessingLock.objects.values("worker_id"))
    silent: Any = Worker.objects.silent(LIMITS[0] * beat).filter(holders).annotate(now=ClockTimestamp())
    for worker in silent[:5]:
        seconds = (worker.now - worker.heartbeat_at).total_seconds()
        yield graded(
            seconds / beat,
            LIMITS,
            f"Worker {worker.id} was last heard of {lasting(seconds)} ago and still holds jobs.",
            "Start a worker, which rescues them, or SELECT cleanup_expired_locks(interval '30 seconds');",
        )
