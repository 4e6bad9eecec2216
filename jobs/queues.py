"""What people do to queues, and how full they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.resources import files
from typing import Any, Final, TypedDict, Unpack

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.row_security import acting_as_system
from jobs import lanes, options
from jobs.announce import ANY_PRIORITY, announce
from jobs.exceptions import InvalidOption
from jobs.models import Queue
from jobs.models.audit import audit
from jobs.models.columns import ClockTimestamp
from jobs.options import Options
from jobs.registry import registry

#: Depths are counted up to here; a longer queue is said to be at least so long.
DEPTH_CAP: Final = 100_000

#: Waiting jobs are counted up to here over all queues, and ages are read from so many lanes beside the open ones.
WAITS_CAP: Final = 10_000
LANES_CAP: Final = 500

_SNAPSHOT: Final = (files("jobs") / "sql" / "queries" / "queues.sql").read_text()

# Jobs that run already count against a limit too. A lock that is just being taken away is left alone.
_COUNT_RUNNING: Final = """
UPDATE job_processing_locks SET limited_queue = %(queue)s WHERE job_id IN (
    SELECT l.job_id FROM job_processing_locks l JOIN job_queue j ON j.id = l.job_id
    WHERE j.queue = %(queue)s AND l.limited_queue IS NULL FOR UPDATE OF l SKIP LOCKED)
"""


class Rules(TypedDict, total=False):
    """What is the matter of a queue: None takes a limit away."""

    concurrency_limit: int | None
    rate_limit: str | None
    fair: bool


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """One queue now: pending jobs (at most DEPTH_CAP are counted), age of the one due longest, running jobs."""

    name: str
    depth: int
    oldest_age_seconds: float
    processing: int
    paused: bool
    #: Jobs that wait for others or for an event, beside those; at most WAITS_CAP of all queues are counted.
    waiting: int = 0
    #: How many of the pending ones counted could start now; the others are for later, or are to be tried again later.
    due: int = 0

    @property
    def later(self) -> int:
        return self.depth - self.due

    @property
    def depth_capped(self) -> bool:
        return self.depth >= DEPTH_CAP


def snapshot() -> list[QueueSnapshot]:
    """Look at every queue that has waiting or running jobs or a row of its own."""
    with connection.cursor() as cursor:
        cursor.execute(_SNAPSHOT, {"cap": DEPTH_CAP, "waits": WAITS_CAP, "lanes": LANES_CAP})
        return [
            QueueSnapshot(name, depth, oldest or 0.0, processing, paused, waiting, due)
            for name, depth, oldest, processing, paused, waiting, due in cursor.fetchall()
        ]


@transaction.atomic
def pause(name: str, actor: Any, reason: str = "", resume_at: datetime | None = None) -> Queue:
    """Stop workers from claiming in this queue; running jobs go on.

    With `resume_at` it goes on by itself then, some seconds late. Pausing twice changes nothing but that. Raises
    InvalidOption.
    """
    options.check_queue(name)
    if resume_at is not None and resume_at <= timezone.now():
        raise InvalidOption("resume_at", "must lie ahead.")
    Queue.objects.get_or_create(name=name)
    queue = Queue.objects.select_for_update().get(pk=name)
    if not queue.paused:
        _pause(queue, actor, reason, resume_at)
    elif resume_at is not None and resume_at != queue.resume_at:
        Queue.objects.filter(pk=name).update(resume_at=resume_at)
        audit(actor, "pause", queue, reason, before={"resume_at": queue.resume_at}, after={"resume_at": resume_at})
        queue.refresh_from_db()
    return queue


def _pause(queue: Queue, actor: Any, reason: str, resume_at: datetime | None) -> None:
    by = str(actor) if actor else "system"
    Queue.objects.filter(pk=queue.pk).update(
        paused=True, paused_at=Now(), paused_reason=reason, paused_by=by, resume_at=resume_at
    )
    audit(actor, "pause", queue, reason, **({"resume_at": resume_at} if resume_at else {}))
    queue.refresh_from_db()


@transaction.atomic
def resume(name: str, actor: Any, reason: str = "") -> Queue:
    """Let workers claim in this queue again, at once."""
    options.check_queue(name)
    queue = Queue.objects.select_for_update().filter(pk=name).first() or Queue(name=name)
    if queue.paused:
        Queue.objects.filter(pk=name).update(
            paused=False, paused_at=None, paused_reason="", paused_by="", resume_at=None
        )
        audit(actor, "resume", queue, reason)
        queue.refresh_from_db()
        announce([(name, ANY_PRIORITY)])
    return queue


@transaction.atomic
def pause_all(actor: Any, reason: str = "", resume_at: datetime | None = None) -> list[str]:
    """Pause every queue that is known now, and give the names of those that were open; raises InvalidOption.

    One that is paused already stays as it is, with its own reason and end.
    """
    paused = set(Queue.objects.filter(paused=True).values_list("name", flat=True))
    names = [name for name in known() if name not in paused]
    for name in names:
        pause(name, actor, reason, resume_at)
    return names


@transaction.atomic
def resume_all(actor: Any, reason: str = "") -> list[str]:
    """Resume every queue that is paused, and give their names."""
    names = list(Queue.objects.filter(paused=True).values_list("name", flat=True))
    for name in names:
        resume(name, actor, reason)
    return names


@transaction.atomic
def resume_due() -> list[str]:
    """Resume the queues whose pause was to end by now; any number of workers may look at once."""
    over = Queue.objects.filter(paused=True, resume_at__lte=ClockTimestamp()).select_for_update(skip_locked=True)
    names = list(over.values_list("name", flat=True))
    for name in names:
        resume(name, None, "Its pause was to end now.")
    return names


def known() -> list[str]:
    """Name every queue with jobs, with a row of its own, or of a job type."""
    return sorted({*(each.name for each in snapshot()), *(job_type.queue for job_type in registry)})


@transaction.atomic
def configure(name: str, actor: Any, reason: str = "", **rules: Unpack[Rules]) -> Queue:
    """Change the limits of this queue and whether its users take turns; what is not named stays as it is.

    `concurrency_limit` is how many of its jobs may run at once and `rate_limit` ("60/m") how many may start in a time,
    on all workers together; jobs that run already count. `fair` is for the jobs that are submitted from now on. Raises
    InvalidOption. Changing nothing leaves no trace.
    """
    options.check_queue(name)
    _check_rules(rules)
    Queue.objects.get_or_create(name=name)
    queue = Queue.objects.select_for_update().get(pk=name)
    before = {rule: getattr(queue, rule) for rule in rules if getattr(queue, rule) != rules[rule]}  # type: ignore[literal-required]
    if not before:
        return queue
    changes = {rule: rules[rule] for rule in before}  # type: ignore[literal-required]
    Queue.objects.filter(pk=name).update(**changes)
    audit(actor, "configure", queue, reason, before=before, after=changes)
    if changes.get("concurrency_limit") is not None:
        _count_running(name)
        # And once more those whose claims began before anybody could see the limit.
        transaction.on_commit(partial(_count_running_again, name))
    lanes.forget()
    transaction.on_commit(lanes.forget)
    announce([(name, ANY_PRIORITY)])
    queue.refresh_from_db()
    return queue


def _check_rules(rules: Mapping[str, Any]) -> None:
    if unknown := rules.keys() - Rules.__annotations__.keys():
        raise InvalidOption(min(unknown), "is not a rule of a queue.")
    if not isinstance(rules.get("fair", False), bool):
        raise InvalidOption("fair", "must be true or false.")
    limits = {rule: value for rule, value in rules.items() if rule != "fair" and value is not None}
    options.check(Options(**limits))  # type: ignore[typeddict-item]


def _count_running_again(name: str) -> None:
    # Whoever asked is not named any more once their transaction is over.
    with acting_as_system():
        _count_running(name)


def _count_running(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_RUNNING, {"queue": name})
