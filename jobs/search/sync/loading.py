"""Loading a new index with all jobs there are, by their ids: some requests are under way while the next is read."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from jobs.crash_points import crash_point
from jobs.models import Job, SearchIndex
from jobs.search.documents import documentable
from jobs.search.engine.client import Engine
from jobs.search.engine.failures import EngineAway
from jobs.search.sync.changes import changes
from jobs.search.sync.holding import SIGN_OF_LIFE, Hold
from jobs.search.sync.marking import mark
from jobs.search.sync.progress import Progress
from jobs.search.sync.rejecting import settle_rejections
from jobs.search.sync.sending import Outcomes, send

#: Jobs that are read, sent and marked together.
AT_ONCE: Final = 500
#: Requests that the engine works on at a time, and what is read ahead of them.
SENDERS: Final = 3
AHEAD: Final = 2 * SENDERS

#: An engine that is away longer than this ends the loading; another call goes on from there.
PATIENCE: Final = 300.0
LONGEST_PAUSE: Final = 10.0


def load(engine: Engine, hold: Hold, progress: Progress, *, marking: bool) -> None:
    """Send every job to the index, from where the last one stopped who did so.

    With `marking` jobs count as sent: for the first index of all, which nothing else is sent to. For a later one the
    marks stand for the index that serves, and changes made meanwhile are sent to both.
    """
    row = SearchIndex.objects.get(name=hold.name)
    progress.begin("loading", row.expected or None, row.loaded)
    loader = _Loader(engine, hold, progress, marking)
    with ThreadPoolExecutor(SENDERS, "search-load") as senders:
        try:
            loader.load(senders, row.loaded_to)
        finally:
            loader.ended.set()


@dataclass(frozen=True, slots=True)
class _Sending:
    upto: UUID
    outcomes: Future[Outcomes]
    count: int


class _Loader:
    def __init__(self, engine: Engine, hold: Hold, progress: Progress, marking: bool) -> None:
        self.engine = engine
        self.hold = hold
        self.progress = progress
        self.marking = marking
        self.ended = threading.Event()

    def load(self, senders: ThreadPoolExecutor, after: UUID | None) -> None:
        under_way: deque[_Sending] = deque()
        for jobs in _chunks(after):
            under_way.append(_Sending(jobs[-1].id, senders.submit(self._deliver, jobs), len(jobs)))
            if len(under_way) > AHEAD:
                self._settle(under_way.popleft())
        while under_way:
            self._settle(under_way.popleft())

    def _deliver(self, jobs: Sequence[Job]) -> Outcomes:
        """Send these, and again while the engine is away; in a thread of its own that asks nothing of the database."""
        until, pause = time.monotonic() + PATIENCE, 1.0
        while True:
            outcomes = send(self.engine, [self.hold.name], changes(jobs), ended=self.ended)
            if not isinstance(outcomes.error, EngineAway) or time.monotonic() > until or self.ended.wait(pause):
                return outcomes
            pause = min(2 * pause, LONGEST_PAUSE)

    def _settle(self, sending: _Sending) -> None:
        """Write down that everything up to here was sent, in the order of the ids."""
        outcomes = self._wait(sending.outcomes)
        if outcomes.error is not None:
            raise outcomes.error
        crash_point("mid_search_load")
        with transaction.atomic():
            # First, for it tells whether the index is still ours: then the marks may be written.
            self.hold.write(loaded_to=sending.upto, loaded=F("loaded") + sending.count)
            settle_rejections(outcomes)
            if self.marking:
                mark(outcomes)
        self.progress.advance(sending.count)

    def _wait(self, outcomes: "Future[Outcomes]") -> Outcomes:
        while True:
            try:
                return outcomes.result(SIGN_OF_LIFE)
            except NotYet:
                self.hold.write()


def _chunks(after: UUID | None) -> Iterator[list[Job]]:
    """Read the jobs behind an id that are there now; those that come meanwhile are changes like any other."""
    last = Job.objects.order_by("-id").values_list("id", flat=True).first()
    while last is not None:
        left = Job.objects.order_by("id").filter(id__lte=last)
        jobs = list(documentable(left if after is None else left.filter(id__gt=after))[:AT_ONCE])
        if not jobs:
            return
        after = jobs[-1].id
        yield jobs
