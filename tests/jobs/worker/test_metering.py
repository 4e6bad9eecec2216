"""What attempts used: known for those that a request asked for, and only for them."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.outcomes import Attempt, Completed, Usage
from jobs.worker.coroutines import CoroutineSlots
from jobs.worker.counting import Counts
from jobs.worker.hand import Hand
from jobs.worker.metering import ProcessMeter
from jobs.worker.recorder import Recorder
from jobs.worker.threads import ThreadSlots

BUSY_SECONDS = 0.1
SECONDS = 30


def burn(seconds: float = BUSY_SECONDS) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def attempt_of(job_type: str, request_id: str | None = "a-request") -> Attempt:
    return Attempt("1", 1, job_type, "default", 5, "{}", 1, 0, 3, None, 0.0, request_id=request_id)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def run_thread(hand: Hand) -> Iterator[Callable[[Attempt], Any]]:
    slots = ThreadSlots(2, hand, Recorder(hand, Counts(), lambda delay: None))
    yield lambda attempt: settled(hand, slots, attempt)
    slots.stop()


@pytest.fixture
def run_coroutine(hand: Hand) -> Iterator[Callable[[Attempt], Any]]:
    slots = CoroutineSlots(2, hand, Recorder(hand, Counts(), lambda delay: None))
    yield lambda attempt: settled(hand, slots, attempt)
    slots.stop()
    slots._loop.close()


def settled(hand: Hand, slots: Any, attempt: Attempt) -> Any:
    hand.take([attempt])
    slots.submit([attempt])
    assert hand.unrecorded.wait(SECONDS)
    return hand.outcomes[0][1]


def test_a_thread_knows_its_own_time(register: Any, run_thread: Callable[[Attempt], Any]) -> None:
    register("burn", lambda ctx: burn())
    attempt = attempt_of("burn")
    assert isinstance(run_thread(attempt), Completed)
    usage = attempt.usage
    assert usage is not None
    assert usage.cpu_seconds is not None
    assert BUSY_SECONDS <= usage.cpu_seconds < 2 * BUSY_SECONDS
    assert usage.run_seconds >= usage.cpu_seconds * 0.99
    assert usage.peak_memory_mb is not None
    assert usage.peak_memory_mb > 1


def test_what_fails_is_measured_too(register: Any, run_thread: Callable[[Attempt], Any]) -> None:
    def fail(ctx: Any) -> None:
        raise ValueError

    register("fail", fail)
    attempt = attempt_of("fail")
    run_thread(attempt)
    assert isinstance(attempt.usage, Usage)


def test_nothing_is_measured_that_no_request_asked_for(register: Any, run_thread: Callable[[Attempt], Any]) -> None:
    register("burn", lambda ctx: None)
    attempt = attempt_of("burn", request_id=None)
    run_thread(attempt)
    assert attempt.usage is None


def test_a_coroutine_knows_its_own_steps(register: Any, run_coroutine: Callable[[Attempt], Any]) -> None:
    met = threading.Event()

    async def steps(ctx: Any) -> str:
        burn()
        # Others keep the loop busy meanwhile, and this one waits.
        asyncio.get_running_loop().call_soon(burn, 3 * BUSY_SECONDS)
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        met.set()
        return "done"

    register("steps", steps)
    attempt = attempt_of("steps")
    assert run_coroutine(attempt) == Completed('"done"')
    assert met.is_set()
    usage = attempt.usage
    assert usage is not None
    assert usage.cpu_seconds is not None
    assert BUSY_SECONDS <= usage.cpu_seconds < 2 * BUSY_SECONDS
    assert usage.run_seconds >= 4 * BUSY_SECONDS


def test_a_process_knows_the_peak_of_each_attempt() -> None:
    def used(megabytes: int) -> Usage:
        meter = ProcessMeter()
        bytearray(megabytes * 1024 * 1024)
        burn()
        return meter.usage()

    large, small = used(200), used(1)
    assert large.peak_memory_mb is not None
    assert small.peak_memory_mb is not None
    assert small.peak_memory_mb + 150 < large.peak_memory_mb
    assert small.cpu_seconds is not None
    assert small.cpu_seconds >= BUSY_SECONDS


def test_a_meter_survives_without_the_kernels_help(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("jobs.worker.metering._CLEAR_REFS", tmp_path / "missing" / "clear_refs")
    monkeypatch.setattr("jobs.worker.metering._STATUS", tmp_path / "status")
    peak = ProcessMeter().usage().peak_memory_mb
    assert peak is not None
    assert peak > 1
