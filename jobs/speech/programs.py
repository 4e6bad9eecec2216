"""Programs of this machine that are given a text and end soon: never more than they may, never left behind."""

import resource
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.speech.audio import MOST_BYTES, Stop
from jobs.speech.exceptions import AudioTooLarge, SpeechFailed, SpeechTimedOut

#: How often to look whether somebody wants it to end.
_GLANCE: Final = 0.1
_MEMORY: Final = 1 << 30
_MOST_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    #: What it wrote to its standard error, cut.
    words: str


def find(name: str) -> str | None:
    return shutil.which(name)


def run(command: Sequence[str], text: str, output: Path, *, seconds: float, stop: Stop) -> Ended:
    """Run a program with a text as its input and a file for its output.

    It is killed when its time is over (SpeechTimedOut), when `stop` raises, and when it wants more memory, time on the
    processor or room than a script can need (AudioTooLarge, SpeechFailed).
    """
    end = time.monotonic() + seconds
    complaints = output.with_suffix(".err")
    with output.open("wb") as out, complaints.open("wb") as err:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err)
        try:
            # It waits for its input, so this comes in time.
            _bound(process.pid, seconds)
            _give(process, text)
            code = _wait(process, end, stop)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
    if code < 0:
        _raise_killed(command[0], -code, output)
    with complaints.open("rb") as err:
        return Ended(code, " ".join(err.read(_MOST_WORDS).decode("utf-8", "replace").split()))


def _bound(pid: int, seconds: float) -> None:
    limits = {
        resource.RLIMIT_AS: _MEMORY,
        resource.RLIMIT_FSIZE: MOST_BYTES,
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_CORE: 0,
    }
    # Linux has it; elsewhere the time alone binds it.
    if set_limit := getattr(resource, "prlimit", None):
        for limit, most in limits.items():
            with suppress(ProcessLookupError):
                set_limit(pid, limit, (most, most))


def _give(process: "subprocess.Popen[bytes]", text: str) -> None:
    assert process.stdin is not None
    # A script is shorter than what a pipe holds, so this does not wait.
    with suppress(BrokenPipeError):
        process.stdin.write(text.encode())
    with suppress(BrokenPipeError):
        process.stdin.close()


def _wait(process: "subprocess.Popen[bytes]", end: float, stop: Stop) -> int:
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_GLANCE)
        stop()
        if time.monotonic() > end:
            raise SpeechTimedOut(f"{Path(str(process.args[0])).name} took too long.")  # type: ignore[index]


def _raise_killed(program: str, signal: int, output: Path) -> None:
    if output.stat().st_size >= MOST_BYTES:
        raise AudioTooLarge(f"The audio is larger than {MOST_BYTES >> 20} MiB.")
    raise SpeechFailed(f"{Path(program).name} was ended by signal {signal}.")
