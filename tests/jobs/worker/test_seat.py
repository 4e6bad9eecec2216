"""One process under a supervisor: its successors, its back-off, and starts that fail."""

import logging
import signal
import sys
from collections.abc import Callable

import pytest

from jobs.worker import seat as module
from jobs.worker.seat import Seat
from tests.acceptance.stage import wait_until


@pytest.fixture
def seats():
    made = []
    yield made
    for seat in made:
        seat.kill()


@pytest.fixture
def sit(seats):
    def sit(code: str, scaled: bool = True) -> Seat:
        seats.append(Seat([sys.executable, "-S", "-c", code], scaled=scaled))
        return seats[-1]

    return sit


def looked(seat: Seat, what: Callable[[], bool]) -> None:
    """Look after the seat until it is so."""

    def seen() -> bool:
        seat.look()
        return what()

    wait_until(seen)


STAYS = "import time; time.sleep(600)"


def test_what_is_told_to_leave_has_no_successor(sit):
    seat = sit(STAYS)
    first = seat.pid
    seat.leave(signal.SIGTERM, within=10)
    looked(seat, lambda: seat.done)
    assert (seat.pid, seat.replaced) == (first, 0)


def test_what_is_killed_is_replaced_after_a_while(sit):
    seat = sit(STAYS)
    first = seat.pid
    seat.kill()
    looked(seat, lambda: seat.pid not in (None, first))
    assert seat.replaced == 1 and not seat.done


def test_a_good_end_ends_the_seat_or_recycles_the_process(sit):
    fixed = sit("", scaled=False)
    looked(fixed, lambda: fixed.done)
    seat = sit("")
    looked(seat, lambda: seat.replaced >= 3)
    assert not seat.done


def test_what_dies_young_again_and_again_is_started_later_each_time(sit, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    seat = sit("raise SystemExit(3)")
    waits = []
    for _ in range(8):
        looked(seat, lambda: not seat.running and seat.pid is None)
        waits.append(seat._start_at - clock[0])
        clock[0] = seat._start_at
        seat.look()
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_process_that_cannot_be_started_is_tried_again(seats, tmp_path, caplog, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    program = tmp_path / "program"
    with caplog.at_level(logging.ERROR):
        seats.append(seat := Seat([str(program)], scaled=True))
    assert "could not be started" in caplog.text and "again in 1.0 s" in caplog.text
    seat.look()
    assert seat.pid is None
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    clock[0] += 1.0
    seat.look()
    assert seat.running
    seat.leave(signal.SIGTERM)
    looked(seat, lambda: seat.done)


def test_leaving_while_none_runs_is_an_end(seats, tmp_path):
    seats.append(seat := Seat([str(tmp_path / "missing")], scaled=True))
    seat.leave(signal.SIGUSR1)
    seat.look()
    assert seat.done


def test_what_does_not_heed_is_killed_after_its_grace(sit, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    seat = sit("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen('/dev/null'); time.sleep(600)")
    seat.leave(signal.SIGTERM, within=5)
    seat.look()
    clock[0] += 5 + module.KILL_AFTER_SECONDS + 1
    looked(seat, lambda: seat.done)
