"""How long jobs are kept after their end, and how they go: a few at a time, and no faster than the queue bears."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connections, router, transaction
from django.utils import timezone

from accounts.uuid7 import first_uuid7
from jobs import conf
from jobs.crash_points import crash_point
from jobs.models import Chore, Job
from jobs.models.job import JobQuerySet

KINDS: Final = ("completed", "failed", "cancelled", "deleted")

CHORE: Final = "retention"
#: Seconds between two runs of the chore, and how long one may take: others wait for it, and have their turn before the
#: next one, which is due at once when much is left to do.
INTERVAL: Final = 15.0
RUN_SECONDS: Final = 15.0

#: Jobs that one transaction walks over.
AT_ONCE: Final = 1_000
#: A step is followed by a pause so many times as long. What that leaves to the queue is told in docs/decisions.md.
PAUSE: Final = 2.0

#: A walk ends this long before the youngest job that could go: most jobs have ended by then, so long after their
#: submission. Those that had not are found by a walk from the beginning.
SLACK: Final = timedelta(hours=1)
WHOLE_WALK_EVERY: Final = timedelta(days=1)

_FIRST: Final = UUID(int=0)
_PRUNE: Final = "SELECT deleted, walked_to FROM prune_jobs(%s, make_interval(secs => %s), %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Rule:
    """Jobs of a kind go so long after their end; `deleted` ones after their owner deleted them."""

    kind: str
    older: timedelta

    def old(self) -> JobQuerySet:
        """Jobs that would go, wherever they are."""
        ended = Job.objects.finished().filter(updated_at__lt=timezone.now() - self.older)
        return ended.filter(is_deleted=True) if self.kind == "deleted" else ended.filter(status=self.kind)

    def youngest(self) -> UUID:
        return first_uuid7(timezone.now() - self.older - SLACK)


@dataclass(slots=True)
class Walk:
    """A way over the jobs of a rule, from the oldest on, which goes on where it was."""

    rule: Rule
    position: UUID = _FIRST
    #: When it was at the beginning.
    began: datetime | None = None
    at_end: bool = False

    def step(self, at_once: int = AT_ONCE) -> int:
        """Delete what is old among the next jobs, in one transaction; gives how many."""
        youngest, using = self.rule.youngest(), router.db_for_write(Job)
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute(_PRUNE, [self.rule.kind, self.rule.older.total_seconds(), self.position, youngest, at_once])
            deleted, walked_to = cursor.fetchone()
            if deleted:
                crash_point("mid_prune")
        self.at_end = walked_to is None
        self.position = max(self.position, walked_to or youngest)
        return int(deleted)

    def memory(self) -> dict[str, Any]:
        return {"position": str(self.position), "began": self.began and self.began.isoformat()}


def rules() -> list[Rule]:
    """Give the rules that the settings make; what is kept for ever has none."""
    kept = {kind: conf.retention_days(kind) for kind in KINDS}
    return [Rule(kind, timedelta(days=days)) for kind, days in kept.items() if days]


def prune(
    walks: Iterable[Walk], *, seconds: float | None = None, pause: float = 0.0, at_once: int = AT_ONCE
) -> Iterator[int]:
    """Take the walks on by turns, to their ends or for so long; gives how many jobs each step has deleted."""
    until, walking = None if seconds is None else time.monotonic() + seconds, deque(walks)
    while walking and (until is None or time.monotonic() < until):
        walk, began = walking.popleft(), time.monotonic()
        deleted = walk.step(at_once)
        took = time.monotonic() - began
        yield deleted
        if not walk.at_end:
            walking.append(walk)
            time.sleep(pause * took)


def tidy() -> int:
    """Do what is due by the settings, from where the last run was; for the workers' chore."""
    remembered = Chore.objects.filter(name=CHORE)
    memory: dict[str, Any] = remembered.values_list("memory", flat=True).first() or {}
    walks = {rule.kind: _resumed(rule, memory.get(rule.kind)) for rule in rules()}
    try:
        return sum(prune(walks.values(), seconds=RUN_SECONDS, pause=PAUSE))
    finally:
        remembered.update(memory={kind: walk.memory() for kind, walk in walks.items()})


def _resumed(rule: Rule, memory: Mapping[str, Any] | None) -> Walk:
    now = timezone.now()
    if memory:
        began = datetime.fromisoformat(memory["began"])
        walk = Walk(rule, UUID(memory["position"]), began)
        # Not before it has been at its end, however long that takes.
        if now - began < WHOLE_WALK_EVERY or walk.position < first_uuid7(now - rule.older - 2 * SLACK):
            return walk
    return Walk(rule, began=now)
