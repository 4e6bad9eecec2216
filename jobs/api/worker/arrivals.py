"""Waiting for work without a connection or a thread for each who waits: one thread listens and looks for all of them.

Announcements are hints. The thread looks once a second at what is due, which finds retries, delayed jobs, and all that
cannot be heard through a pooler. It ends when nobody waits.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

import psycopg
from django.db import Error, close_old_connections, connection, connections

from accounts.row_security import acting_as_system
from jobs.announce import CHANNEL, WINDOW_SECONDS, listening_parameters, queues_of
from jobs.languages import is_foreign
from jobs.models import Queue

LOOK_SECONDS: Final = 1.0
#: An announcer stays silent for the rest of its window: look again when that is over.
AGAIN_SECONDS: Final = WINDOW_SECONDS + 0.01

_WAITING_LANES: Final = (files("jobs") / "sql" / "queries" / "waiting_lanes.sql").read_text()
_logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Waiter:
    """One claim that waits for work in some queues, used on the event loop that made it."""

    queues: frozenset[str]
    owner: Any
    loop: asyncio.AbstractEventLoop
    event: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self, seconds: float) -> None:
        """Wait until there may be work; raises TimeoutError."""
        await asyncio.wait_for(self.event.wait(), seconds)
        self.event.clear()

    def wake(self) -> None:
        """Tell from another thread that there may be work."""
        try:
            self.loop.call_soon_threadsafe(self.event.set)
        except RuntimeError:
            # The loop was closed with the client still in it.
            _logger.debug("nobody waits for %s any more", sorted(self.queues))


class Arrivals:
    """Everybody of this process who waits for work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: set[Waiter] = set()
        self._thread: threading.Thread | None = None
        #: Never set; it is for waiting.
        self._pause = threading.Event()

    def count(self, owner: Any) -> int:
        """Tell how often this user waits at the moment."""
        with self._lock:
            return sum(waiter.owner == owner for waiter in self._waiters)

    @contextmanager
    def waiting(self, queues: Collection[str], owner: Any) -> Iterator[Waiter]:
        """Be told of work in these queues from now on. Use it on an event loop."""
        waiter = Waiter(frozenset(queues), owner, asyncio.get_running_loop())
        with self._lock:
            self._waiters.add(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ekiden-arrivals", daemon=True)
                self._thread.start()
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def join(self) -> None:
        """Wait until the thread has ended, which it does soon after the last waiter went away."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        try:
            while self._goes_on():
                try:
                    with psycopg.connect(**listening_parameters()) as own:
                        if hears(own):
                            own.execute(f"LISTEN {CHANNEL}")
                            self._follow(own)
                            continue
                    self._look_on()
                except (psycopg.Error, OSError) as error:
                    _logger.warning("not listening, looking only: %s", str(error).strip().split("\n", 1)[0])
                    self._pause.wait(self._look())
        finally:
            connections.close_all()
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _goes_on(self) -> bool:
        with self._lock:
            mine = self._thread is threading.current_thread()
            if mine and not self._waiters:
                self._thread = None
            return mine and self._thread is not None

    def _follow(self, listening: psycopg.Connection[Any]) -> None:
        due = 0.0
        while self._goes_on():
            if time.monotonic() >= due:
                due = time.monotonic() + self._look()
            for note in listening.notifies(timeout=max(0.0, due - time.monotonic()), stop_after=1):
                queues = queues_of(note.payload)
                self._wake(queues)
                # Also when nobody waits just now: who comes in a moment may wait for what was left unsaid.
                if any(map(is_foreign, queues)):
                    due = min(due, time.monotonic() + AGAIN_SECONDS)

    def _look_on(self) -> None:
        """Do without announcements, and without a connection of our own."""
        while self._goes_on():
            self._pause.wait(self._look())

    def _look(self) -> float:
        """Wake those for whom something is due, and give the seconds until the next look."""
        with self._lock:
            queues = sorted({queue for waiter in self._waiters for queue in waiter.queues})
        try:
            lanes = _lanes(queues)
        except Error as error:
            _logger.warning("cannot look for work: %s", error)
            return LOOK_SECONDS
        finally:
            # Nothing is held between two looks: a pooled connection goes back to its pool.
            close_old_connections()
        self._wake({queue for queue, due_in in lanes if due_in <= 0})
        return min([LOOK_SECONDS, *(due_in for _, due_in in lanes if due_in > 0)])

    def _wake(self, queues: Collection[str]) -> None:
        with self._lock:
            found = [waiter for waiter in self._waiters if not waiter.queues.isdisjoint(queues)]
        for waiter in found:
            waiter.wake()


def hears(own: psycopg.Connection[Any]) -> bool:
    """Tell whether the connection leads to PostgreSQL itself and not to a pooler.

    A pooler in transaction mode would give the listening server connection to others, to whom announcements then come
    that they never read. It makes up the process id that it tells its clients.
    """
    row = own.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and row[0] == own.info.backend_pid


def _lanes(queues: list[str]) -> list[tuple[str, float]]:
    """Give the queues of these that hold something and are not paused, and in how many seconds it falls due."""
    with acting_as_system():
        with connection.cursor() as cursor:
            cursor.execute(_WAITING_LANES, {"queues": queues})
            rows = cursor.fetchall()
        paused = set(Queue.objects.filter(name__in=queues, paused=True).values_list("name", flat=True))
    return [(queue, due_in) for queue, _, _, due_in, _ in rows if queue not in paused]


arrivals: Final = Arrivals()
