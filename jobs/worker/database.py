"""Outliving the database: which errors pass by themselves, and how a worker's thread waits for that."""

import logging
import random
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from jobs.worker.stalls import talking

T = TypeVar("T")

_logger = logging.getLogger(__name__)

LONGEST_WAIT: Final = 5.0

#: Lost connections, restarts, deadlocks, timeouts, full disks: to be tried again. The other errors are ours.
TRANSIENT: Final = (OperationalError, InterfaceError)


def patiently(what: str, act: Callable[[], T], give_up: threading.Event | None = None) -> T | None:
    """Do it until the database lets it happen, with back-off up to 5 s; None when `give_up` is set before."""
    failures = 0
    while True:
        try:
            with talking():
                return act()
        except TRANSIENT as error:
            connection.close()
            failures += 1
            wait = min(LONGEST_WAIT, 0.05 * 2**failures) * random.uniform(0.5, 1)  # noqa: S311 - jitter
            _logger.warning("%s: the database did not let us (%s), again in %.1f s", what, first_line(error), wait)
            if give_up is None:
                threading.Event().wait(wait)
            elif give_up.wait(wait):
                return None


def first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]


def close_quietly() -> None:
    """Close this thread's connection as the thread ends; a broken one needs no farewell."""
    try:
        connection.close()
    except DatabaseError as error:
        _logger.debug("closing a broken connection: %s", error)
