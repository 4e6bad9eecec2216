"""The thread that brings changed jobs into the search engine: every worker has one, and slots decide who sends what."""

import logging
import random
import threading
import time
from typing import Final

from django.db import connection

from jobs.search import counts
from jobs.search.engine.failures import EngineAway, EngineError
from jobs.search.sync.dirty import MOST_JOBS
from jobs.search.sync.state import is_enabled
from jobs.search.sync.syncing import Syncer
from jobs.worker.database import TRANSIENT, close_quietly, first_line, patiently
from jobs.worker.stalls import talking

_logger = logging.getLogger(__name__)

#: Between two looks for changes, give or take half of it: workers look at different moments.
LOOK_SECONDS: Final = 0.5
#: While an engine is named and search is not enabled.
IDLE_SECONDS: Final = 5.0
#: An engine that is away is left alone for longer and longer, at most so long.
LONGEST_PAUSE: Final = 30.0
#: What was counted goes to the database so often.
FLUSH_SECONDS: Final = 10.0
#: When the worker stops: a request on its way has so long to be marked, or else it is sent again by another.
LAST_SECONDS: Final = 3.0


class SearchSync(threading.Thread):
    """Looks for changes as long as it lives; neither a lost database nor a lost engine ends it."""

    def __init__(self) -> None:
        super().__init__(name="search-sync", daemon=True)
        self._ended = threading.Event()
        self._syncer = Syncer(ended=self._ended, asking=talking)
        self._failures = 0
        self._flush_due = 0.0

    def stop(self) -> None:
        """Begin no more requests."""
        self._ended.set()

    def finish(self) -> None:
        """Wait for a request that is on its way, but not for an engine that does not answer."""
        self.join(LAST_SECONDS)

    def run(self) -> None:
        wait = random.uniform(0, LOOK_SECONDS)  # noqa: S311 - jitter
        while not self._ended.wait(wait):
            try:
                wait = self.round()
            except TRANSIENT as error:
                _logger.warning("search: the database does not answer: %s", first_line(error))
                connection.close()
                patiently("search", is_enabled, self._ended)
                wait = LOOK_SECONDS
            except Exception:
                # Whatever it is, the sync may not end with it.
                _logger.exception("search: this round has failed")
                connection.close()
                wait = IDLE_SECONDS
        self._flush()
        close_quietly()

    def round(self) -> float:
        """Send what has changed; gives the seconds until it is worth looking again."""
        try:
            sent = self._syncer.round()
        except EngineError as error:
            return self._left_alone(error)
        if self._failures:
            _logger.info("search: the engine takes changes again")
        self._failures = 0
        if time.monotonic() >= self._flush_due:
            self._flush_due = time.monotonic() + FLUSH_SECONDS
            self._flush()
        if sent >= MOST_JOBS:
            return 0.0
        if not sent and not is_enabled():
            return IDLE_SECONDS
        return LOOK_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 - jitter

    def _left_alone(self, error: EngineError) -> float:
        self._failures += 1
        longest: float = min(LONGEST_PAUSE, 0.5 * 2 ** min(self._failures, 10))
        pause = longest * random.uniform(0.5, 1)  # noqa: S311 - jitter
        if isinstance(error, EngineAway):
            pause = max(pause, min(error.retry_after or 0.0, 2 * LONGEST_PAUSE))
            _logger.warning("search: %s; again in %.1f s", error, pause)
        else:
            # It does not pass by itself: the index is gone, or we are not let in.
            _logger.error("search: %s; again in %.1f s", error, pause)
        return pause

    def _flush(self) -> None:
        try:
            counts.flush()
        except TRANSIENT as error:
            _logger.debug("search: counts are kept for later: %s", first_line(error))
