"""The thread that rescues jobs of lost workers and clears away what is stale; one worker at a time leads."""

import logging
import threading
import time
from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models.functions import Now

from accounts import login_locks, rate_limits
from accounts.api import idempotency
from jobs import queues
from jobs.announce import announce_room
from jobs.models import EventCount, ProcessingLock, Supervisor, Worker
from jobs.models.columns import ClockTimestamp
from jobs.worker.counting import Counts
from jobs.worker.database import TRANSIENT, close_quietly, first_line, patiently
from jobs.worker.expiry import cancel_expired, forget_rate_windows
from jobs.worker.options import SILENT_BEATS, WorkerOptions
from jobs.worker.stalls import talking

_logger = logging.getLogger(__name__)

PRUNE_SECONDS: Final = 60.0
WORKER_ROWS_KEPT: Final = timedelta(days=1)

# Any number that nothing else uses. A lock of the transaction, not of the session: it works behind PgBouncer,
# and ends by itself with a leader that dies.
_LEADER_LOCK: Final = 0x656B6964656E


class Maintenance(threading.Thread):
    """Runs beside the worker; whoever gets the advisory lock does the round, the others skip theirs."""

    def __init__(self, options: WorkerOptions, counts: Counts | None = None) -> None:
        super().__init__(name="maintenance", daemon=True)
        self.options = options
        self._counts = counts or Counts()
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        beat = self.options.heartbeat_interval
        # After a silence of the database everyone looks dead: they have one heartbeat from its first word.
        wait, prune_due = beat, 0.0
        while not self._ended.wait(wait):
            try:
                prune = time.monotonic() >= prune_due
                with talking():
                    self.round(prune)
                wait = beat / 2
                prune_due = time.monotonic() + PRUNE_SECONDS if prune else prune_due
            except TRANSIENT as error:
                _logger.warning("maintenance: the database does not answer: %s", first_line(error))
                connection.close()
                patiently("maintenance", _ask, self._ended)
                wait = beat
        close_quietly()

    def round(self, prune: bool = True) -> bool:
        """Rescue what is lost and clear away what is stale, if nobody else is at it; tells whether it led."""
        with transaction.atomic():
            if not _lead():
                return False
            silence = SILENT_BEATS * self.options.heartbeat_interval
            if rescued := rescue(silence):
                _logger.warning("rescued %s jobs of lost workers", rescued)
                announce_room(None)
            if buried := bury(silence):
                _logger.warning("%s workers were not heard of for %.0f s: they are taken for dead", buried, silence)
                self._counts.workers_lost(buried)
        if expired := cancel_expired():
            _logger.info("cancelled %s jobs that had not started in time", expired)
        if resumed := queues.resume_due():
            _logger.info("resumed %s, whose pause was to end now", ", ".join(resumed))
        if prune:
            with transaction.atomic():
                if _lead():
                    rate_limits.prune()
                    login_locks.prune()
                    idempotency.prune()
                    forget_rate_windows()
                    EventCount.objects.fold()
                    Worker.objects.filter(stopped_at__lt=Now() - WORKER_ROWS_KEPT).delete()
                    Supervisor.objects.gone(WORKER_ROWS_KEPT).delete()
        return True


def rescue(silence: float | None = None) -> int:
    """Retry or dead-letter jobs whose lock ran out, or whose worker was silent for so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT cleanup_expired_locks(make_interval(secs => %s))", [silence])
        return int(cursor.fetchone()[0])


def bury(silence: float) -> int:
    """Mark silent workers as stopped, once they hold no lock: before that the rescue needs to know of them."""
    holders = ProcessingLock.objects.values("worker_id")
    return Worker.objects.silent(silence).exclude(id__in=holders).update(stopped_at=ClockTimestamp(), running=0)


def _ask() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _lead() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LEADER_LOCK])
        return bool(cursor.fetchone()[0])
