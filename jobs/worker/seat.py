"""One worker process under a supervisor, and its successors."""

import logging
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Final

from jobs.worker.exit_codes import EXIT_OK, EXIT_REPLACE
from jobs.worker.parent import signal_when_parent_dies

_logger = logging.getLogger(__name__)

#: A process that dies young is started again later each time, up to this.
LONGEST_WAIT: Final = 30.0
YOUNG_SECONDS: Final = 10.0
#: What is told to end and does not is killed so long after its grace period.
KILL_AFTER_SECONDS: Final = 10.0


class Seat:
    """Starts `command` and starts it again when it has ended.

    Exit code 0 ends the seat, unless it is one of a number that is `scaled`: there only the supervisor's word does.
    Such a process looks by itself whether its supervisor still lives.
    """

    def __init__(self, command: Sequence[str], scaled: bool = False) -> None:
        self._command = list(command)
        self._scaled = scaled
        self._failures = 0
        self._start_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._kill_at: float | None = None
        #: How often it was started again.
        self.replaced = 0
        self.started_at = 0.0
        #: On a supervisor's word: no successor follows.
        self.leaving = False
        self.done = False
        self._start()

    def look(self) -> None:
        """Take note of an end, and start what is due."""
        if self.done:
            return
        if self._process is None:
            if self.leaving:
                self.done = True
            elif time.monotonic() >= self._start_at:
                self._start()
            return
        code = self._process.poll()
        if code is None:
            if self._kill_at is not None and time.monotonic() > self._kill_at:
                self.kill()
        elif self.leaving or (code == EXIT_OK and not self._scaled):
            self.done = True
        else:
            self._schedule(code)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def leave(self, number: signal.Signals, within: float | None = None) -> None:
        """Tell the process to end for good; it is killed if it has not in so many seconds."""
        self.leaving = True
        self._kill_at = None if within is None else time.monotonic() + within + KILL_AFTER_SECONDS
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def terminate(self) -> None:
        if self._process is not None and self.running:
            self._process.terminate()

    def kill(self) -> None:
        if self._process is not None and self.running:
            _logger.error("worker process %s did not stop in time and is killed", self._process.pid)
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        self.started_at = time.monotonic()
        try:
            # A session of its own: Ctrl-C comes to the supervisor, which passes it on once. One that scales has
            # threads, whose locks would be held for ever between fork and exec.
            self._process = subprocess.Popen(
                self._command, start_new_session=True, preexec_fn=None if self._scaled else _end_with_supervisor
            )
        except (OSError, subprocess.SubprocessError) as error:
            # No process to be had (EAGAIN), no memory for one: those that run go on.
            self._failures += 1
            self._start_at = self.started_at + self._wait()
            _logger.error("a worker process could not be started (%s), again in %.1f s", error, self._wait())

    def _schedule(self, code: int) -> None:
        young = time.monotonic() - self.started_at < YOUNG_SECONDS and code not in (EXIT_OK, EXIT_REPLACE)
        self._failures = self._failures + 1 if young else 0
        wait = self._wait()
        level = logging.INFO if code in (EXIT_OK, EXIT_REPLACE) else logging.ERROR
        _logger.log(level, "a worker process ended with code %s, the next one starts in %.1f s", code, wait)
        self._process, self._start_at = None, time.monotonic() + wait
        self.replaced += 1

    def _wait(self) -> float:
        return min(LONGEST_WAIT, 0.5 * 2.0**self._failures) if self._failures else 0.0


def _end_with_supervisor() -> None:
    signal_when_parent_dies(signal.SIGTERM)
