"""Queues as their list shows them: how much waits for what, how busy the slots are, what goes in and out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs import queues
from jobs.admin.queue_flow import NO_FLOW, Flow, flows
from jobs.languages import is_foreign
from jobs.models import Queue, Worker
from jobs.queues import QueueSnapshot


@dataclass(frozen=True, slots=True)
class Lane:
    """One queue: its row, what is in it now, and what can be done to it."""

    now: QueueSnapshot
    row: Queue
    #: Slots of the workers that listen to it, which may serve other queues too.
    slots: int = 0
    flow: Flow = NO_FLOW
    buttons: list[tuple[Any, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.now.name

    @property
    def most(self) -> int:
        """How many of its jobs may run at once, by its limit and by the slots there are."""
        limit = self.row.concurrency_limit
        return self.slots if limit is None else min(limit, self.slots)

    @property
    def utilisation(self) -> int:
        """Give the percentage of what may run that does run."""
        return min(100, round(100 * self.now.processing / self.most)) if self.most else 0

    @property
    def rules(self) -> str:
        return rules_in_words(self.row)

    @property
    def drains_in(self) -> float | None:
        """Give the seconds until what is due has started, at the pace of the last minutes; None where it grows."""
        return None if self.row.paused else self.flow.drains_in(self.now.due)

    @property
    def spark(self) -> SafeString | str:
        return self.flow.spark


@dataclass(frozen=True, slots=True)
class Board:
    lanes: list[Lane]

    @property
    def ready(self) -> int:
        return sum(lane.now.due for lane in self.lanes)

    @property
    def later(self) -> int:
        return sum(lane.now.later for lane in self.lanes)

    @property
    def waiting(self) -> int:
        return sum(lane.now.waiting for lane in self.lanes)

    @property
    def running(self) -> int:
        return sum(lane.now.processing for lane in self.lanes)

    @property
    def capped(self) -> bool:
        return any(lane.now.depth_capped for lane in self.lanes)

    @property
    def paused(self) -> int:
        return sum(lane.row.paused for lane in self.lanes)

    @property
    def open(self) -> int:
        return len(self.lanes) - self.paused


def board(only: Queue | None = None) -> Board:
    """Look at all queues, or at one of them, in few queries."""
    rows = {row.name: row for row in (Queue.objects.all() if only is None else [only])}
    seen = {one.name: one for one in queues.snapshot()}
    if only is not None:
        seen = {only.name: seen.get(only.name, QueueSnapshot(only.name, 0, 0.0, 0, False))}
    workers = list(Worker.objects.listening().values_list("queues", "concurrency"))
    gone_through = flows(seen)
    return Board(
        [
            Lane(one, rows.get(name) or Queue(name=name), slots_for(name, workers), gone_through.get(name, NO_FLOW))
            for name, one in seen.items()
        ]
    )


def slots_for(name: str, workers: Iterable[tuple[list[str], int]]) -> int:
    """Count the slots of the workers that listen to a queue; one that names none listens to all of its language."""
    return sum(slots for names, slots in workers if (name in names if names else not is_foreign(name)))


def rules_in_words(queue: Queue) -> str:
    phrases = []
    if limit := queue.concurrency_limit:
        phrases.append(_("at most %(count)s at once") % {"count": f"{limit:,}"})
    if queue.rate_limit:
        phrases.append(_("at most %(rate)s started") % {"rate": queue.rate_limit})
    if queue.fair:
        phrases.append(_("users take turns"))
    return ", ".join(phrases)
