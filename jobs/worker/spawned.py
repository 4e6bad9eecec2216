"""The child's side of a handler process. Nothing of Django is imported until it has been set up here."""

import logging
import os
import signal
import threading
from contextlib import nullcontext
from multiprocessing.connection import Connection
from multiprocessing.process import parent_process
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from jobs import current, tracing
from jobs.worker.parent import signal_when_parent_dies

if TYPE_CHECKING:
    from jobs.outcomes import Attempt


def serve(pipe: Connection, worker_id: str, connection_name: str, keeps_lines: bool) -> None:
    """Run attempts that come through the pipe until it closes: the child's main."""
    import django
    from django.db import connections

    # Ctrl-C and SIGTERM are for the worker, which decides when its children end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _die_with_parent()
    django.setup()
    current.works_as(worker_id)
    connections["default"].settings_dict["OPTIONS"]["application_name"] = connection_name
    server = _Server(pipe)
    if keeps_lines:
        logging.getLogger().addHandler(_Lines(server))
    pipe.send(("ready", None))
    server.serve()


def _die_with_parent() -> None:
    """End when the worker does: nobody waits for the outcome any more, and the lock will be another's."""
    # The kernel reaches handlers that never come back from C, which the thread below cannot.
    signal_when_parent_dies(signal.SIGKILL)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    if parent := parent_process():
        parent.join()
    os._exit(1)


class _Server:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sending = threading.Lock()
        self._attempt: Attempt | None = None

    def serve(self) -> None:
        from django.db import close_old_connections

        from jobs.context import Context
        from jobs.execution import run
        from jobs.worker.metering import ProcessMeter

        incoming: SimpleQueue[Attempt] = SimpleQueue()
        threading.Thread(target=self._receive, args=(incoming,), daemon=True).start()
        while True:
            attempt = incoming.get()
            meter = ProcessMeter() if attempt.request_id else None
            with tracing.tracer.continuing(attempt.traceparent) if tracing.tracer else nullcontext():
                outcome = run(attempt, Context(attempt, self._progress))
            self.send("outcome", (outcome, meter and meter.usage()))
            close_old_connections()

    def _receive(self, incoming: "SimpleQueue[Attempt]") -> None:
        while True:
            try:
                kind, attempt = self._pipe.recv()
            except (EOFError, OSError):
                if tracing.tracer is not None:
                    tracing.tracer.close()
                os._exit(0)
            if kind == "run":
                self._attempt = attempt
                incoming.put(attempt)
            elif self._attempt is not None:
                self._attempt.cancelled = True

    def _progress(self, attempt: "Attempt") -> None:
        self.send("progress", attempt.progress)

    def send(self, kind: str, value: Any) -> None:
        with self._sending:
            self._pipe.send((kind, value))


class _Lines(logging.Handler):
    """Hands the lines of an attempt to the worker, which keeps them."""

    def __init__(self, server: _Server) -> None:
        super().__init__()
        self._server = server

    def emit(self, record: logging.LogRecord) -> None:
        from jobs.worker.log_keeping import attempt_of, said

        if attempt_of(record):
            self._server.send("line", said(record))
