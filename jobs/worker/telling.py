"""The thread in which observers are told that may take their time, after everything else is done with an attempt."""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Full, Queue
from typing import Final

from django.db import close_old_connections, connections

#: So much news may wait. Then outcomes wait with it, and no more jobs are claimed: receivers that are too slow slow the
#: worker down instead of filling its memory.
MOST_WAITING: Final = 1_000


class Teller:
    """Begins with the first piece of news; a worker whose observers are all quick has no such thread."""

    def __init__(self) -> None:
        self._news: Queue[Callable[[], None] | None] = Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, tell: Callable[[], None]) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="teller", daemon=True)
                self._thread.start()
        self._news.put(tell)

    def finish(self, patience: float) -> None:
        """Tell what is left and end; what takes longer than so many seconds is not told."""
        if self._thread is not None:
            with suppress(Full):
                self._news.put(None, timeout=patience)
            self._thread.join(patience)

    def _run(self) -> None:
        while (tell := self._news.get()) is not None:
            tell()
            close_old_connections()
        connections.close_all()
