"""Emptying a queue: what waits in it is cancelled or deleted, piece by piece, and what comes later stays."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from jobs import options
from jobs.bulk.beginning import begin
from jobs.bulk.wishes import Wish
from jobs.exceptions import InvalidOption
from jobs.models import BulkOperation, Job
from jobs.statuses import Status

#: What may become of the jobs.
ACTIONS: Final = ("cancel", "delete")
#: Jobs are counted up to here for somebody who asks.
COUNT_CAP: Final = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """How many jobs a purge would end; there are more if it is capped."""

    matched: int
    capped: bool


def look(name: str, before: datetime | None = None) -> Found:
    """Count what waits in a queue since before a moment, for whatever it waits; running jobs are not among them."""
    options.check_queue(name)
    waiting = Job.objects.visible().pending().filter(queue=name).order_by()
    if before is not None:
        waiting = waiting.filter(created_at__lt=before)
    count = waiting.values("pk")[: COUNT_CAP + 1].count()
    return Found(min(count, COUNT_CAP), count > COUNT_CAP)


def purge(
    name: str, actor: Any, reason: str = "", *, action: str = "cancel", before: datetime | None = None
) -> BulkOperation:
    """Begin a bulk operation that ends what waits in a queue and was submitted before a moment, or before now.

    Raises InvalidOption.
    """
    options.check_queue(name)
    if action not in ACTIONS:
        raise InvalidOption("action", f"must be one of {', '.join(ACTIONS)}.")
    cut = before or timezone.now()
    if cut > timezone.now():
        raise InvalidOption("before", "must not lie ahead.")
    wanted = {"queue": name, "status": [Status.PENDING.value], "created_before": cut.isoformat()}
    return begin(Wish("job", action, {"filter": wanted}, reason=reason), actor)
