"""Noticing connections that have fallen silent.

The kernel notices a peer that is gone. A proxy or a pooler that hangs is still there: it takes what we send and never
answers, and a thread of the worker would wait for ever. So a watch cuts connections that have not answered for too
long; the waiting thread gets the same error as for any lost connection. A statement cut off so may still commit:
claims and outcomes are written for that.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import connections

_logger = logging.getLogger(__name__)

#: Since when each thread waits for an answer, and how to get at the connection it waits on.
_talks: Final[dict[int, tuple[float, Callable[[], Any]]]] = {}


@contextmanager
def talking(raw: Callable[[], Any] | None = None) -> Iterator[None]:
    """Have the watch look after what this thread asks of the database in the block."""
    wrapper, me = connections["default"], threading.get_ident()
    _talks[me] = (time.monotonic(), raw or (lambda: wrapper.connection))
    try:
        yield
    finally:
        _talks.pop(me, None)


class StallWatch(threading.Thread):
    """Cuts every watched connection that has not answered for `limit` seconds."""

    def __init__(self, limit: float) -> None:
        super().__init__(name="stall-watch", daemon=True)
        self._limit = limit

    def run(self) -> None:
        while True:
            time.sleep(min(1.0, self._limit / 4))
            for thread, (since, raw) in list(_talks.items()):
                if time.monotonic() - since > self._limit:
                    _talks.pop(thread, None)
                    self._cut(raw())

    def _cut(self, raw: "psycopg.Connection[Any] | None") -> None:
        if raw is None or raw.closed:
            return  # still connecting, which has a time limit of its own
        _logger.warning("the database has not answered for %.0f s: its connection is cut", self._limit)
        try:
            with socket.socket(fileno=os.dup(raw.pgconn.socket)) as stalled:
                stalled.shutdown(socket.SHUT_RDWR)
        except (OSError, psycopg.Error) as error:
            _logger.debug("it was gone already: %s", error)
