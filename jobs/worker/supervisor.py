"""Several worker processes under one: started together, replaced when they die, stopped together."""

import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final

from jobs.worker.exit_codes import EXIT_OK
from jobs.worker.seat import KILL_AFTER_SECONDS, Seat

#: Between two looks at the processes.
LOOK_SECONDS: Final = 0.1


class Supervisor:
    """Runs `command` in `count` processes until a signal, or until all have ended by themselves."""

    def __init__(self, command: Sequence[str], count: int, grace: float) -> None:
        self.command = list(command)
        self.count = count
        self.grace = grace
        self.seats: list[Seat] = []
        self._stopping = threading.Event()
        # Signals that came; the main thread passes them on, to children that were being started meanwhile too.
        self._signals = 0

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self.seats = [self.new_seat() for _ in range(self.count)]
        while not self._stopping.wait(LOOK_SECONDS):
            for seat in self.seats:
                seat.look()
            if all(seat.done for seat in self.seats):
                return EXIT_OK
            self.tend()
        return self.end()

    def new_seat(self) -> Seat:
        return Seat(self.command)

    def tend(self) -> None:
        """Do what is to be done between two looks at the processes: nothing, where their number is fixed."""

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        self._stopping.set()

    def end(self) -> int:
        """Pass the signals on, and wait for all; what does not end within the grace period is killed."""
        deadline = time.monotonic() + self.grace + KILL_AFTER_SECONDS
        passed_on = 0
        while any(seat.running for seat in self.seats) and time.monotonic() < deadline:
            if passed_on < self._signals:
                passed_on += 1
                for seat in self.seats:
                    seat.terminate()
            time.sleep(0.05)
        for seat in self.seats:
            seat.kill()
        return EXIT_OK


def own_command(arguments: Sequence[str]) -> list[str]:
    """Give the command that runs this `manage.py` again with other arguments."""
    return [sys.executable, sys.argv[0], *arguments]
