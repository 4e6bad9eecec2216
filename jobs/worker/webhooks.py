"""The thread that brings events on their way: every worker has one, and the rows' locks decide who takes which."""

import logging
import random
import threading
from typing import Final

from django.db import connection

from jobs.models import WebhookEndpoint, WebhookEvent
from jobs.webhooks import capturing
from jobs.webhooks.fanning_out import AT_ONCE, fan_out
from jobs.webhooks.queueing import queue_due
from jobs.worker.database import TRANSIENT, close_quietly, patiently

_logger = logging.getLogger(__name__)

#: Between two looks while somebody is listening, give or take half of it, and while nobody is.
LOOK_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 5.0


class WebhookThread(threading.Thread):
    """Looks for events as long as it lives; without an active endpoint it asks one short question now and then."""

    def __init__(self) -> None:
        super().__init__(name="webhooks", daemon=True)
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        wait: float | None = random.uniform(0, LOOK_SECONDS)  # noqa: S311 - jitter
        while wait is not None and not self._ended.wait(wait):
            wait = patiently("webhooks", self._round_or_pause, self._ended)
        close_quietly()

    def round(self) -> float:
        """Bring on what there is; gives the seconds until it is worth looking again."""
        if not WebhookEndpoint.objects.active().exists() and not WebhookEvent.objects.exists():
            return IDLE_SECONDS
        capturing.switch()
        taken = fan_out()
        queue_due()
        return 0.0 if taken == AT_ONCE else LOOK_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 - jitter

    def _round_or_pause(self) -> float:
        try:
            return self.round()
        except TRANSIENT:
            raise
        except Exception:
            # Whatever it is, webhooks may not end with it.
            _logger.exception("webhooks: this round has failed")
            connection.close()
            return IDLE_SECONDS
