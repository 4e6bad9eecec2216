"""Processes for an act each, copied from one that has loaded everything; see doomed.py."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.stage import ROOT, Stage, wait_until


@dataclass
class Copy:
    """One process, from its fork until somebody has waited for it."""

    nursery: "Nursery"
    pid: int
    log_path: Path
    _code: int | None = None

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait(self, why: str = "") -> int:
        """Wait for its end; gives the exit code, or the signal that killed it as a negative number."""
        try:
            (code,) = wait_until(self._ended, why=why or "a process to end")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log[-6000:]}") from None
        return code

    def is_dead(self) -> bool:
        return bool(self._ended())

    def _ended(self) -> tuple[int, ...]:
        if self._code is None:
            self._code = self.nursery.order(ended=self.pid)
        return () if self._code is None else (self._code,)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> int:
        self.signal(signal.SIGKILL)
        return self.wait()


class Nursery:
    """Start processes for a few milliseconds each."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._copies: list[Copy] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.doomed"],
            cwd=ROOT,
            env=stage.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def order(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, act: str, *arguments: str, point: str = "") -> Copy:
        """Have a new process do something in crash_acts, armed for a crash point if one is named."""
        log = self.stage.directory / f"copy-{len(self._copies)}.log"
        log.touch()
        pid = self.order(act=act, arguments=arguments, point=point, log=str(log))
        self._copies.append(Copy(self, pid, log))
        return self._copies[-1]

    def close(self) -> None:
        for copy in self._copies:
            if not copy.is_dead():
                copy.kill()
        self._process.communicate()
