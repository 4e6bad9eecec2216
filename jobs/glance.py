"""How full the queues are now, in a few milliseconds whatever is in them: for pages that are looked at all the time."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from django.db import connection

#: So many jobs are counted in all, of one queue and priority at most and at least so many.
BUDGET: Final = 6_000
MOST: Final = 1_000
LEAST: Final = 50
#: Queues and priorities that are looked at, and running jobs.
LEVELS: Final = 60
RUNNING: Final = 5_000

_GLANCE: Final = (files("jobs") / "sql" / "queries" / "glance.sql").read_text()
_CAPS: Final = {"budget": BUDGET, "most": MOST, "least": LEAST, "levels": LEVELS, "running": RUNNING}


@dataclass(frozen=True, slots=True)
class QueueGlance:
    """One queue that holds something or is paused."""

    name: str
    due: int
    #: For a later time; `again` of them have been tried before.
    later: int
    again: int
    #: How long the job that is due longest has been due.
    oldest: float
    running: int
    #: Whether there may be more than was counted, due and for later.
    more_due: bool
    more_later: bool
    paused: bool
    paused_reason: str
    #: For other jobs or for an event; at most MOST of all queues are counted.
    waiting: int


@dataclass(frozen=True, slots=True)
class Glance:
    queues: list[QueueGlance]

    @property
    def due(self) -> int:
        return sum(queue.due for queue in self.queues)

    @property
    def later(self) -> int:
        return sum(queue.later for queue in self.queues)

    @property
    def again(self) -> int:
        return sum(queue.again for queue in self.queues)

    @property
    def running(self) -> int:
        return sum(queue.running for queue in self.queues)

    @property
    def oldest(self) -> float:
        return max((queue.oldest for queue in self.queues if not queue.paused), default=0.0)

    @property
    def waiting(self) -> int:
        return sum(queue.waiting for queue in self.queues)

    @property
    def more_due(self) -> bool:
        return any(queue.more_due for queue in self.queues)

    @property
    def more_later(self) -> bool:
        return any(queue.more_later for queue in self.queues)

    @property
    def paused(self) -> list[QueueGlance]:
        return [queue for queue in self.queues if queue.paused]


def glance() -> Glance:
    """Count what is in the queues, up to small caps."""
    with connection.cursor() as cursor:
        cursor.execute(_GLANCE, _CAPS)
        return Glance([QueueGlance(*row) for row in cursor.fetchall()])
