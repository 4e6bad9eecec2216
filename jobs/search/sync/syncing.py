"""Bringing what changed into the search engine: a slot, a batch, a mark; and again."""

import logging
import math
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction

from jobs import current
from jobs.crash_points import commit_points, crash_point
from jobs.search import counts
from jobs.search.engine.failures import EngineAway
from jobs.search.engine.link import engine as engine_of_settings
from jobs.search.sync import rejecting, slots, state, tombstones
from jobs.search.sync.changes import changes_of
from jobs.search.sync.dirty import FEWEST_JOBS, MOST_JOBS, SETTLE_SECONDS, dirty
from jobs.search.sync.marking import mark
from jobs.search.sync.sending import Change, Outcomes, send
from jobs.search.sync.slots import HELD_SECONDS, Held

if TYPE_CHECKING:
    from jobs.search.engine.client import Engine

_logger = logging.getLogger(__name__)

#: A version that was sent while its row was locked is sent again after so long, if nothing came of the lock.
AGAIN_SECONDS: Final = 5.0
#: So many such versions are remembered.
MOST_REMEMBERED: Final = 5_000
#: Between two looks at what others send.
LOOK_SECONDS: Final = 0.05


def sync_round() -> int:
    """Send a batch of each slot that has something to send and that nobody else has; gives the jobs that were sent.

    Raises an EngineError when something could not be sent; what could be is marked.
    """
    return Syncer().round()


def sync_until_clean(deadline: float = math.inf, ended: threading.Event | None = None) -> bool:
    """Send until all is sent that had changed before this call; False when `deadline` (monotonic) comes first.

    Jobs that somebody has locked may be left: they are sent, and will be again in the version that comes of it. Waits
    for an engine that is away; raises what does not pass by itself.
    """
    ended = ended or threading.Event()
    syncer, began = Syncer(settle=0.0, ended=ended), time.monotonic()
    try:
        while True:
            pause = LOOK_SECONDS
            try:
                alone = not slots.anybody_has_one()
                sent = syncer.round()
                if (alone and not sent and not slots.anybody_has_one()) or state.lag() < time.monotonic() - began:
                    return engine_of_settings() is not None
                pause = 0.0 if sent else LOOK_SECONDS
            except EngineAway as error:
                pause = max(error.retry_after or 0.0, random.uniform(0.2, 2.0))  # noqa: S311 - jitter
            if time.monotonic() + pause > deadline or ended.wait(pause):
                return False
    finally:
        counts.flush()


class Syncer:
    """Sends the changes of one process, batch by batch. Any number of processes may, one beside the other."""

    def __init__(
        self,
        settle: float = SETTLE_SECONDS,
        ended: threading.Event | None = None,
        asking: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.settle = settle
        self.ended = ended or threading.Event()
        #: The context that the database is asked in; the engine is asked outside of it.
        self.asking = asking
        self._holder = current.worker_id() or f"{socket.gethostname()}:{os.getpid()}"
        #: So many jobs of a slot are sent at once: fewer when the engine has trouble with them.
        self._most = MOST_JOBS
        #: Versions that were sent and could not be marked, and when to send them again.
        self._unmarked: dict[tuple[UUID, int], float] = {}

    def round(self) -> int:
        """Send a batch of each free slot; see sync_round."""
        engine = engine_of_settings()
        if engine is None:
            return 0
        with self.asking():
            numbers = slots.with_work(self.settle)
            if not numbers or not state.targets():
                return 0
        # Not all processes after the same slot.
        random.shuffle(numbers)
        sent = 0
        for number in numbers:
            if self.ended.is_set():
                break
            with self.asking():
                held = slots.take([number], self._holder)
            if held is not None:
                sent += self._send(engine, held)
        return sent

    def _send(self, engine: "Engine", held: Held) -> int:
        now = time.monotonic()
        self._unmarked = {sent: until for sent, until in self._unmarked.items() if until > now}
        with self.asking():
            again = rejecting.due(held)
            ids = list(dict.fromkeys([*dirty(held, self.settle, self._most, self._unmarked), *again]))
            deletions = tombstones.deletions(held)
        # No transaction is open here: the engine may take its time, and nobody waits for it.
        changes = chain(deletions, changes_of(ids, self.asking))
        outcomes = send(engine, held.targets, changes, _Keeping(held), self.ended)
        crash_point("after_search_bulk")
        with self.asking():
            ours = self._settle(held, outcomes, deletions, again)
        if not ours:
            _logger.info("slot %s was taken over: what was sent is sent again", held.number)
        if outcomes.error is not None:
            self._most = max(FEWEST_JOBS, self._most // 2)
            raise outcomes.error
        self._most = min(MOST_JOBS, 2 * self._most)
        return len(outcomes.sent) + len(outcomes.rejected)

    def _settle(self, held: Held, outcomes: Outcomes, deletions: Sequence[Change], again: Sequence[UUID]) -> bool:
        """Mark what was sent, if the slot is still ours, and free it, all in one transaction."""
        with transaction.atomic(), commit_points("search_mark"):
            if not slots.let_go(held):
                return False
            marked = mark(outcomes)
            gone = {stone.id: stone.version for stone in deletions if stone.id in outcomes.sent}
            tombstones.forget(gone)
            rejecting.settle_rejections(outcomes)
            if outcomes.complete:
                # A refused document whose job is not there any more.
                rejecting.forget([job for job in again if job not in outcomes.sent and job not in outcomes.rejected])
        until = time.monotonic() + AGAIN_SECONDS
        left = [sent for sent in outcomes.sent.items() if sent[0] not in marked and sent[0] not in gone]
        self._unmarked.update(dict.fromkeys(left[: MOST_REMEMBERED - len(self._unmarked)], until))
        return True


class _Keeping:
    """Keeps a slot while requests are made, without a statement before each of them."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self._due = time.monotonic() + HELD_SECONDS / 4

    def __call__(self) -> bool:
        if time.monotonic() < self._due:
            return True
        self._due = time.monotonic() + HELD_SECONDS / 4
        return slots.keep(self.held)
