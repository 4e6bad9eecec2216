"""The thread that does chores: whichever worker takes a run that is due does it, the others find nothing due."""

import logging
import threading
from datetime import timedelta
from typing import Final

from django.db import connections

from jobs.chores import chores
from jobs.models import Chore
from jobs.worker.database import TRANSIENT, first_line

_logger = logging.getLogger(__name__)

#: After so long a run is taken for lost.
LEASE: Final = timedelta(minutes=15)
MOST_SECONDS_BETWEEN_LOOKS: Final = 30.0


class ChoreThread(threading.Thread):
    """Beside the maintenance, not in it: a chore may take its time, and a rescue may not wait."""

    def __init__(self) -> None:
        super().__init__(name="chores", daemon=True)
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        if not chores:
            return
        pause = min(MOST_SECONDS_BETWEEN_LOOKS, *(chore.interval / 2 for chore in chores.values()))
        sign_up = True
        while not self._ended.is_set():
            try:
                if sign_up:
                    Chore.objects.bulk_create([Chore(name=name) for name in chores], ignore_conflicts=True)
                    sign_up = False
                self.round()
            except TRANSIENT as error:
                _logger.warning("chores: the database does not answer: %s", first_line(error))
            finally:
                # Chores are far apart, and other databases than the worker's own may be theirs.
                connections.close_all()
            self._ended.wait(pause)

    def round(self) -> None:
        """Do what is due and nobody else has taken."""
        for name in Chore.objects.due().filter(name__in=chores).values_list("name", flat=True):
            if not self._ended.is_set() and Chore.objects.take(name, LEASE):
                self._do(name)

    def _do(self, name: str) -> None:
        chore, error = chores[name], ""
        try:
            chore.act()
        except Exception as problem:
            error = f"{type(problem).__name__}: {first_line(problem)}"[:1000]
            _logger.exception("the chore %s failed", name)
            # It may have left a broken connection behind.
            connections["default"].close_if_unusable_or_obsolete()
        Chore.objects.settle(name, timedelta(seconds=chore.interval), error)
