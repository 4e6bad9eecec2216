"""Listening for announcements on connections of their own. Hints only: without them the worker polls."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg

from accounts.redis_link import redis_link
from jobs.announce import CHANNEL, listening_parameters
from jobs.redis_channel import Subscriber
from jobs.worker.database import first_line
from jobs.worker.stalls import talking

_logger = logging.getLogger(__name__)

LONGEST_WAIT: Final = 10.0


def listeners(heard: Callable[[str], None], gap: Callable[[], None]) -> "list[Listener | Subscriber]":
    """Give the threads that hear announcements: of the database always, of Redis where there is one.

    Who announces may have lost Redis while we have it, or the other way round; what both say does no harm.
    """
    link = redis_link()
    return [Listener(heard, gap), *([Subscriber(link, heard, gap)] if link else [])]


class Listener(threading.Thread):
    """Passes each announcement on; after a lost connection it listens again and reports a gap.

    Behind a pooler in transaction mode LISTEN hears nothing; then only polling works.
    """

    def __init__(self, heard: Callable[[str], None], gap: Callable[[], None]) -> None:
        super().__init__(name="listener", daemon=True)
        self._heard = heard
        self._gap = gap
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                with psycopg.connect(**listening_parameters()) as listening:
                    with talking(lambda listening=listening: listening):  # type: ignore[misc]
                        listening.execute(f"LISTEN {CHANNEL}")
                    failures = 0
                    self._gap()
                    self._listen(listening)
            except (psycopg.Error, OSError) as error:
                failures += 1
                wait = min(LONGEST_WAIT, 0.1 * 2**failures) * random.uniform(0.5, 1)  # noqa: S311 - jitter
                _logger.warning("not listening, polling only; next attempt in %.1f s: %s", wait, first_line(error))
                self._stopping.wait(wait)

    def _listen(self, listening: psycopg.Connection[Any]) -> None:
        checked = time.monotonic()
        while not self._stopping.is_set():
            for notification in listening.notifies(timeout=0.5):
                self._heard(notification.payload)
            # A half-open socket is silent like a quiet queue: ask now and then whether anyone is there.
            if time.monotonic() - checked > 15.0:
                with talking(lambda: listening):
                    listening.execute("SELECT 1")
                checked = time.monotonic()
