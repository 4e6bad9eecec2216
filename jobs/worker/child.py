"""A child process for handlers that may hang, crash or take the process with them."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, Final

from jobs.context import Context
from jobs.exceptions import JobTimeout, ProcessDied
from jobs.execution import failure, run
from jobs.outcomes import Attempt, Cancelled, DeadLettered, Outcome, Retry

_logger = logging.getLogger(__name__)

#: A fresh interpreter: a fork would inherit the worker's threads' locks and database sockets.
_spawning: Final = multiprocessing.get_context("spawn")

#: A child is replaced after so many jobs, so that what handlers leak is bounded.
MOST_JOBS: Final = 500
START_SECONDS: Final = 60.0
#: How often a running child is looked after; an outcome wakes at once.
LOOK_SECONDS: Final = 0.1
#: Between asking a handler to stop and killing its process.
CANCEL_GRACE_SECONDS: Final = 2.0

Tell = Callable[[Attempt], None]


class Child:
    """A slot's child process: started with its first job, used again, replaced after a kill or a crash."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._jobs = 0

    def run(self, attempt: Attempt, tell: Tell) -> Outcome:
        """Run the attempt in the child to its outcome; kills the child for a timeout or an unheeded cancel."""
        try:
            pipe = self._ready()
            pipe.send(("run", attempt))
            return self._wait(pipe, attempt, tell)
        except (EOFError, OSError):
            exit_code = self._reap()
            return failure(attempt, ProcessDied(f"The handler's process died: {describe_exit(exit_code)}."))

    def stop(self) -> None:
        if self._process is not None:
            self._kill()

    def _ready(self) -> Connection:
        if self._process is not None and (self._jobs >= MOST_JOBS or not self._process.is_alive()):
            self._kill()
        if self._process is None or self._pipe is None:
            self._pipe, theirs = _spawning.Pipe()
            self._process = _spawning.Process(target=serve, args=(theirs,), name="handler", daemon=True)
            self._process.start()
            theirs.close()
            self._jobs = 0
            # Importing the project counts for the worker, not for the job's timeout.
            if not self._pipe.poll(START_SECONDS):
                self._kill()
                raise EOFError
            self._pipe.recv()
        self._jobs += 1
        return self._pipe

    def _wait(self, pipe: Connection, attempt: Attempt, tell: Tell) -> Outcome:
        began = time.monotonic()
        told_to_stop: float | None = None
        while True:
            if pipe.poll(LOOK_SECONDS):
                kind, value = pipe.recv()
                if kind == "outcome":
                    return self._judge(attempt, value)
                attempt.progress = value
                tell(attempt)
            now = time.monotonic()
            if attempt.timeout is not None and now - began > attempt.timeout:
                self._kill()
                return failure(attempt, JobTimeout(f"The handler was killed after {attempt.timeout:g} s."))
            if (attempt.cancelled or attempt.fenced) and told_to_stop is None:
                pipe.send(("cancel", None))
                told_to_stop = now
            if told_to_stop is not None and now - told_to_stop > CANCEL_GRACE_SECONDS:
                self._kill()
                return Cancelled()

    def _judge(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        # An error on the way out of a cancelled handler is the cancelling, not a reason to try again.
        return Cancelled() if attempt.cancelled and isinstance(outcome, Retry | DeadLettered) else outcome

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._reap()

    def _reap(self) -> int | None:
        exit_code = None
        if self._process is not None:
            self._process.join(5)
            exit_code = self._process.exitcode
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None
        return exit_code


def describe_exit(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        try:
            return f"killed by {signal.Signals(-exit_code).name}"
        except ValueError:
            return f"killed by signal {-exit_code}"
    return f"exit code {exit_code}"


def serve(pipe: Connection) -> None:
    """Run attempts that come through the pipe until it closes: the child's main."""
    import django

    django.setup()
    # Ctrl-C and SIGTERM are for the worker, which decides when its children end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    server = _Server(pipe)
    pipe.send(("ready", None))
    server.serve()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    # Nobody waits for the outcome any more, and its lock will be another's.
    os._exit(1)


class _Server:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sending = threading.Lock()
        self._attempt: Attempt | None = None

    def serve(self) -> None:
        incoming: SimpleQueue[Attempt] = SimpleQueue()
        threading.Thread(target=self._receive, args=(incoming,), daemon=True).start()
        while True:
            attempt = incoming.get()
            context = Context(attempt, self._progress)
            outcome = run(attempt, context)
            self._send("outcome", outcome)
            _close_connections()

    def _receive(self, incoming: "SimpleQueue[Attempt]") -> None:
        while True:
            try:
                kind, attempt = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(0)
            if kind == "run":
                self._attempt = attempt
                incoming.put(attempt)
            elif self._attempt is not None:
                self._attempt.cancelled = True

    def _progress(self, attempt: Attempt) -> None:
        self._send("progress", attempt.progress)

    def _send(self, kind: str, value: Any) -> None:
        with self._sending:
            self._pipe.send((kind, value))


def _close_connections() -> None:
    from django.db import close_old_connections

    close_old_connections()
