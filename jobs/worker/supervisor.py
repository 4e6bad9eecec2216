"""Several worker processes under one: started together, replaced when they die, stopped together."""

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final

from jobs.worker.loop import EXIT_OK, EXIT_REPLACE
from jobs.worker.parent import signal_when_parent_dies

_logger = logging.getLogger(__name__)

#: A child that dies young is started again later each time, up to this.
LONGEST_WAIT: Final = 30.0
YOUNG_SECONDS: Final = 10.0
#: After their grace period children are killed.
KILL_AFTER_SECONDS: Final = 10.0


class Supervisor:
    """Runs `command` in `count` processes until a signal, or until all have ended by themselves."""

    def __init__(self, command: Sequence[str], count: int, grace: float) -> None:
        self.command = list(command)
        self.count = count
        self.grace = grace
        self._stopping = threading.Event()
        self._children: list[_Seat] = []
        # Signals that came; the main thread passes them on, to children that were being started meanwhile too.
        self._signals = 0

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._children = [_Seat(self.command) for _ in range(self.count)]
        while not self._stopping.wait(0.1):
            for seat in self._children:
                seat.look()
            if all(seat.done for seat in self._children):
                return EXIT_OK
        return self._end()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        self._stopping.set()

    def _end(self) -> int:
        deadline = time.monotonic() + self.grace + KILL_AFTER_SECONDS
        passed_on = 0
        while any(seat.running for seat in self._children) and time.monotonic() < deadline:
            if passed_on < self._signals:
                passed_on += 1
                for seat in self._children:
                    seat.terminate()
            time.sleep(0.05)
        for seat in self._children:
            seat.kill()
        return EXIT_OK


class _Seat:
    """One child process and its successors."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._failures = 0
        self._start_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self.done = False
        self._start()

    def look(self) -> None:
        if self.done:
            return
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self._start()
            return
        code = self._process.poll()
        if code == EXIT_OK:
            self.done = True
        elif code is not None:
            self._schedule(code)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def terminate(self) -> None:
        if self._process is not None and self.running:
            self._process.terminate()

    def kill(self) -> None:
        if self._process is not None and self.running:
            _logger.error("worker process %s did not stop in time and is killed", self._process.pid)
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        self._started = time.monotonic()
        # A session of its own: Ctrl-C comes to the supervisor, which passes it on once.
        self._process = subprocess.Popen(self._command, start_new_session=True, preexec_fn=_end_with_supervisor)

    def _schedule(self, code: int) -> None:
        young = time.monotonic() - self._started < YOUNG_SECONDS and code != EXIT_REPLACE
        self._failures = self._failures + 1 if young else 0
        wait = min(LONGEST_WAIT, 0.5 * 2**self._failures) if young else 0.0
        _logger.error("a worker process ended with code %s, the next one starts in %.1f s", code, wait)
        self._process, self._start_at = None, time.monotonic() + wait


def _end_with_supervisor() -> None:
    signal_when_parent_dies(signal.SIGTERM)


def own_command(arguments: Sequence[str]) -> list[str]:
    """Give the command that runs this `manage.py` again with other arguments."""
    return [sys.executable, sys.argv[0], *arguments]
