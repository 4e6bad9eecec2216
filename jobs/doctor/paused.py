"""Queues that somebody paused and may have forgotten."""

from collections.abc import Iterator
from typing import Any, Final

from jobs.doctor.findings import Finding, lasting, ok, warn
from jobs.models import Queue
from jobs.models.columns import ClockTimestamp

#: Seconds.
LONG: Final = 4 * 3600.0


def look() -> Iterator[Finding]:
    paused: list[Any] = list(Queue.objects.filter(paused=True, paused_at__isnull=False).annotate(now=ClockTimestamp()))
    found = []
    for queue in paused:
        assert queue.paused_at is not None
        seconds = (queue.now - queue.paused_at).total_seconds()
        if seconds > LONG:
            why = f" ({queue.paused_reason})" if queue.paused_reason else ""
            what = f"The queue {queue.name} has been paused for {lasting(seconds)}{why}."
            found.append(warn(what, f"POST /api/v1/queues/{queue.name}/resume, or Resume in the admin"))
    yield from found or [ok(f"{len(paused)} queues are paused, none for longer than {lasting(LONG)}.")]
