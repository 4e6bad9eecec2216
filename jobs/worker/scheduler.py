"""The thread that fires schedules: every worker has one, and the locks of the rows decide who fires which."""

import logging
import threading
from typing import Final

from django.db import connection

from jobs.scheduling.firing import BATCH, fire_due, seconds_until_due
from jobs.worker.database import TRANSIENT, close_quietly, patiently

_logger = logging.getLogger(__name__)

#: When what is due is in other hands, or an error is ours.
PAUSE_SECONDS: Final = 0.5


class Scheduler(threading.Thread):
    """Sleeps until the next schedule is due, at most one poll interval: others may make or change one meanwhile."""

    def __init__(self, poll_interval: float) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._poll_interval = poll_interval
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        wait: float | None = 0.0
        while wait is not None and not self._ended.wait(wait):
            wait = patiently("schedules", self._round_or_pause, self._ended)
        close_quietly()

    def round(self) -> float:
        """Fire what is due; gives the seconds until it is worth looking again."""
        left = seconds_until_due()
        if left is None or left > 0:
            return self._poll_interval if left is None else min(left, self._poll_interval)
        return 0.0 if fire_due(BATCH) else min(PAUSE_SECONDS, self._poll_interval)

    def _round_or_pause(self) -> float:
        try:
            return self.round()
        except TRANSIENT:
            raise
        except Exception:
            # Whatever it is, schedules may not end with it.
            _logger.exception("schedules: this round has failed")
            connection.close()
            return self._poll_interval
