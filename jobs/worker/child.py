"""A child process for handlers that may hang, crash or take the process with them."""

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from django.db import connections

from jobs import current, tracing
from jobs.exceptions import JobTimeout, ProcessDied
from jobs.execution import failure
from jobs.outcomes import Attempt, Cancelled, DeadLettered, Outcome, Retry
from jobs.worker.log_keeping import LineKeeper
from jobs.worker.spawned import serve

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
#: A process whose pipe has closed is about to end; so long it may take.
DYING_SECONDS: Final = 2.0
#: A child that makes traces sends the last of them at its end.
TELLING_SECONDS: Final = 6.0

Tell = Callable[[Attempt], None]


class Child:
    """A slot's child process: started with its first job, used again, replaced after a kill or a crash."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._jobs = 0

    def run(self, attempt: Attempt, tell: Tell, lines: LineKeeper) -> Outcome:
        """Run the attempt in the child to its outcome; kills the child for a timeout or an unheeded cancel."""
        try:
            pipe = self._ready(bool(lines.most))
            pipe.send(("run", attempt))
            return self._wait(pipe, attempt, tell, lines)
        except (EOFError, OSError):
            exit_code = self._reap()
            return failure(attempt, ProcessDied(f"The handler's process died: {describe_exit(exit_code)}."))

    def stop(self) -> None:
        if self._process is not None:
            self._retire()

    def _ready(self, keeps_lines: bool) -> Connection:
        if self._process is not None and (self._jobs >= MOST_JOBS or not self._process.is_alive()):
            self._retire()
        if self._process is None or self._pipe is None:
            self._pipe, theirs = _spawning.Pipe()
            self._process = _spawning.Process(
                target=serve,
                args=(theirs, current.worker_id(), _connection_name(), keeps_lines),
                name="handler",
                daemon=True,
            )
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

    def _wait(self, pipe: Connection, attempt: Attempt, tell: Tell, lines: LineKeeper) -> Outcome:
        began = time.monotonic()
        told_to_stop: float | None = None
        while True:
            if pipe.poll(LOOK_SECONDS):
                kind, value = pipe.recv()
                if kind == "outcome":
                    outcome, attempt.usage = value
                    return self._judge(attempt, outcome)
                if kind == "line":
                    lines.heard(attempt, value)
                else:
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

    def _retire(self) -> None:
        """End an idle child; what it has still to tell of its traces is told."""
        if self._pipe is not None and self._process is not None and tracing.tracer is not None:
            self._pipe.close()
            self._process.join(TELLING_SECONDS)
        self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._forget()

    def _reap(self) -> int | None:
        """Give the exit code of a child that is ending; a child that only lost its pipe is killed."""
        exit_code = None
        if self._process is not None:
            self._process.join(DYING_SECONDS)
            exit_code = self._process.exitcode
        self._kill()
        return exit_code

    def _forget(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _connection_name() -> str:
    """Give the name under which PostgreSQL sees this worker: its handlers' processes have it too."""
    return str(connections["default"].settings_dict["OPTIONS"].get("application_name", ""))


def describe_exit(exit_code: int | None) -> str:
    if exit_code is None:
        return "it closed its pipe to the worker"
    if exit_code < 0:
        try:
            return f"killed by {signal.Signals(-exit_code).name}"
        except ValueError:
            return f"killed by signal {-exit_code}"
    return f"exit code {exit_code}"
