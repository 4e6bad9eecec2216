"""A real worker in threads of the test's own process, which has gone wholly before the database is emptied."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from jobs.worker.loop import WorkerLoop
from jobs.worker.options import WorkerOptions

#: Threads that go on: the live server's, and the watch over stalled connections, which has none itself.
_GO_ON = ("(process_request_thread)", "ekiden-", "stall-watch")


@contextmanager
def working(**options: Any) -> Iterator[threading.Thread]:
    """Give a worker that is yet to be started, once everything that it must not take is where it belongs."""
    loop = WorkerLoop(WorkerOptions(worker_id="relay-7:1:browser", poll_interval=0.2, **options))

    def work() -> None:
        try:
            loop.run()
        finally:
            connections.close_all()

    before = set(threading.enumerate())
    thread = threading.Thread(target=work, name="worker", daemon=True)
    yield thread
    loop.stop()
    # Each has a connection to the test's database.
    for other in set(threading.enumerate()) - before:
        if not any(part in other.name for part in _GO_ON):
            other.join(30)
    # A worker's process ends with it; here its sockets would be left.
    loop.coroutines._loop.close()
