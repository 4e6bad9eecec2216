"""Waiting for jobs without a connection or a thread per waiting client: one thread asks for all of them at once.

Workers announce nothing for watchers, because that would cost every job something for the sake of few. The thread
looks more seldom while nothing happens, and ends when nobody waits.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import Error, close_old_connections, connections

from accounts.models import User
from accounts.row_security import acting_as_system
from jobs import status_cache
from jobs.models import Job
from jobs.statuses import SETTLED

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
#: How often to ask whether the users who wait are still let in.
OWNERS_SECONDS: Final = 5.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Glance:
    """What a watcher is told of a job."""

    job_id: UUID
    status: str
    progress: int
    progress_message: str
    version: int

    @property
    def settled(self) -> bool:
        return self.status in SETTLED


@dataclass(eq=False, slots=True)
class Watch:
    """One client's wait for one job, used on the event loop that made it."""

    job_id: UUID
    owner: Any
    loop: asyncio.AbstractEventLoop
    #: The version that the client knows; a job that is gone has -1.
    seen: int
    news: asyncio.Queue[Glance | None] = field(default_factory=asyncio.Queue)

    async def next(self, seconds: float) -> Glance | None:
        """Wait for the next version that is seen, None when the job is gone; raises TimeoutError."""
        return await asyncio.wait_for(self.news.get(), seconds)

    def tell(self, glance: Glance | None) -> None:
        """Hand over the news from another thread, once per version."""
        version = glance.version if glance else -1
        if version == self.seen:
            return
        self.seen = version
        try:
            self.loop.call_soon_threadsafe(self.news.put_nowait, glance)
        except RuntimeError:
            # The loop was closed with the client still in it.
            _logger.debug("nobody listens to job %s any more", self.job_id)


class Watchers:
    """Everybody of this process who waits for a job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[UUID, set[Watch]] = defaultdict(set)
        self._thread: threading.Thread | None = None
        #: Set when somebody new waits: the next look comes soon.
        self._hurry = threading.Event()
        self._owners_due = 0.0

    def count(self, owner: Any) -> int:
        """Tell how often this user waits at the moment."""
        with self._lock:
            return sum(watch.owner == owner for watches in self._watches.values() for watch in watches)

    @contextmanager
    def watching(self, job_id: UUID, version: int, owner: Any) -> Iterator[Watch]:
        """Watch a job from this version on. Use it on an event loop."""
        watch = Watch(job_id, owner, asyncio.get_running_loop(), version)
        with self._lock:
            self._watches[job_id].add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ekiden-watching", daemon=True)
                self._thread.start()
        self._hurry.set()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches[job_id].discard(watch)
                if not self._watches[job_id]:
                    del self._watches[job_id]

    def _run(self) -> None:
        pause = FIRST_PAUSE
        try:
            while self._goes_on():
                pause = FIRST_PAUSE if self._look() or self._hurry.is_set() else min(pause * 2, LONGEST_PAUSE)
                self._hurry.clear()
                self._hurry.wait(pause)
        finally:
            connections.close_all()
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _goes_on(self) -> bool:
        with self._lock:
            if not self._watches:
                self._thread = None
            return self._thread is not None

    def _look(self) -> bool:
        """Ask once for all watched jobs; return whether there was news."""
        with self._lock:
            watched = {job_id: list(watches) for job_id, watches in self._watches.items()}
        try:
            # Each watch was let in by a view that asked on behalf of its owner.
            with acting_as_system():
                found = glances(list(watched))
                disabled = self._disabled({watch.owner for watches in watched.values() for watch in watches})
        except Error as exc:
            _logger.warning("cannot look at the watched jobs: %s", exc)
            return False
        finally:
            # Nothing is held between two looks: a pooled connection goes back to its pool.
            close_old_connections()
        # Who is told of something finds it too, also when whoever wrote it could not say so.
        status_cache.block(
            job_id for job_id, glance in found.items() if any(watch.seen != glance.version for watch in watched[job_id])
        )
        news = False
        for job_id, watches in watched.items():
            for watch in watches:
                # Who is disabled while they wait is sent away as if the job were gone.
                glance = None if watch.owner in disabled else found.get(job_id)
                news = news or watch.seen != (glance.version if glance else -1)
                watch.tell(glance)
        return news

    def _disabled(self, owners: set[Any]) -> frozenset[Any]:
        if time.monotonic() < self._owners_due:
            return frozenset()
        self._owners_due = time.monotonic() + OWNERS_SECONDS
        return frozenset(User.objects.filter(pk__in=owners, is_active=False).values_list("pk", flat=True))


def glances(job_ids: list[UUID]) -> dict[UUID, Glance]:
    """Look at jobs by their primary key; those that were deleted are not in the answer."""
    names: Any = ("id", "status", "progress", "progress_message", "version")
    return {row[0]: Glance(*row) for row in Job.objects.visible().filter(id__in=job_ids).values_list(*names)}


watchers: Final = Watchers()
