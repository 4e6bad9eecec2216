"""A program that `manage.py up` runs: its output line by line, its end, its stopping."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from config.env import child_environment

#: A child that lived this long was well; its next death counts as the first again.
STEADY_SECONDS = 30.0
LONGEST_PAUSE = 30.0
#: Deaths in a row after which starting it again is no use.
MOST_DEATHS = 5

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One program in a process group of its own, so that Ctrl-C reaches only the launcher, which stops it in order."""

    name: str
    command: Sequence[str]
    process_kind: str
    say: Callable[[str, str], None]
    ended: Callable[["Child"], None]
    #: Beside ours.
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    deaths: int = 0
    started: float = field(default=0.0)

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**child_environment(self.process_kind), **self.environment},
            process_group=0,
            # If the launcher is killed outright, nobody else would ever stop its children.
            preexec_fn=_end_with_parent,
        )
        threading.Thread(target=self._watch, args=[self.process], name=self.name, daemon=True).start()

    def _watch(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.say(self.name, line.rstrip())
        process.wait()
        self.ended(self)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def how_it_ended(self) -> str:
        status = self.process.returncode if self.process else 0
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"

    def pause_before_restart(self) -> float | None:
        """Count a death and tell how long to wait before the next start; None: it is no use."""
        self.deaths = 1 if time.monotonic() - self.started > STEADY_SECONDS else self.deaths + 1
        if self.deaths >= MOST_DEATHS:
            return None
        return float(min(2 ** (self.deaths - 1), LONGEST_PAUSE))

    def send(self, number: int) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait for the end; False when it does not come in time."""
        try:
            if self.process is not None:
                self.process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        return True
