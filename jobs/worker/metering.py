"""What an attempt used: measured only where a request asked for the job, so that all others cost nothing more."""

import resource
import sys
import time
import types
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

from jobs.outcomes import Attempt, Usage

T = TypeVar("T")

_MEGABYTE: Final = 1024 * 1024
_CLEAR_REFS: Final = Path("/proc/self/clear_refs")
_STATUS: Final = Path("/proc/self/status")
#: What to write so that the kernel begins to watch for a new peak.
_FORGET_PEAK: Final = b"5"
_process: Final = psutil.Process()


@contextmanager
def metered(attempt: Attempt) -> Iterator[None]:
    """Measure what runs in this thread. Memory is the process's: slots share it."""
    if not attempt.request_id:
        yield
        return
    began, cpu = time.monotonic(), time.thread_time()
    try:
        yield
    finally:
        attempt.usage = Usage(time.monotonic() - began, time.thread_time() - cpu, _resident_mb())


async def metered_coroutine(coroutine: Coroutine[Any, Any, T], attempt: Attempt) -> T:
    """Measure a coroutine's own steps on the event loop; what it has threads do is theirs."""
    began, steps = time.monotonic(), [0.0]
    try:
        return await _step_by_step(coroutine, steps)
    finally:
        attempt.usage = Usage(time.monotonic() - began, steps[0], _resident_mb())


@types.coroutine
def _step_by_step(coroutine: Coroutine[Any, Any, T], steps: list[float]) -> Generator[Any, Any, T]:
    """Drive it as `await` would, with a look at the clock around every step."""
    value: Any = None
    error: BaseException | None = None
    while True:
        began = time.thread_time()
        try:
            awaited = coroutine.send(value) if error is None else coroutine.throw(error)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps[0] += time.thread_time() - began
        try:
            value, error = (yield awaited), None
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 - a cancelling belongs to the coroutine
            error = thrown


class ProcessMeter:
    """Measures one attempt in a process of its own, with the processes that it starts and waits for."""

    def __init__(self) -> None:
        # Not to be had everywhere; then the peak is that of the process's whole life.
        with suppress(OSError):
            _CLEAR_REFS.write_bytes(_FORGET_PEAK)
        self._began, self._cpu = time.monotonic(), _cpu_seconds()

    def usage(self) -> Usage:
        return Usage(time.monotonic() - self._began, _cpu_seconds() - self._cpu, _peak_mb())


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _resident_mb() -> float:
    return float(_process.memory_info().rss) / _MEGABYTE


def _peak_mb() -> float:
    with suppress(OSError, ValueError, IndexError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    # In bytes on a Mac, in kilobytes elsewhere.
    unit = _MEGABYTE if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
