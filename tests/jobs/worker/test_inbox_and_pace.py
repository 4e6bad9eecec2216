"""What wakes the claimer, and how far ahead it claims."""

import threading

from jobs.worker.claiming import Claimer
from jobs.worker.inbox import Inbox
from jobs.worker.options import WorkerOptions
from jobs.worker.pace import Pace


def inbox():
    return Inbox(threading.Event())


def test_announcements_reach_the_claimer_and_odd_ones_are_ignored():
    ours, claimer = inbox(), Claimer(WorkerOptions())
    for message in ("default:5:12", "other:9", "", ":", "x:y", "default:5:old", "\x00", "9" * 8000):
        ours.heard(message)
    ours.pass_on(claimer)
    assert set(claimer.lanes) == {("default", 5), ("other", 9)}


def test_a_cancel_goes_another_way():
    ours, told = inbox(), []
    ours.on_cancel = told.append
    ours.heard("!some-job")
    assert told == ["some-job"]
    assert ours.idle(5.0) == 5.0


def test_an_announcer_may_be_silent_for_a_while_so_the_claimer_looks_again():
    ours, claimer = inbox(), Claimer(WorkerOptions())
    ours.heard("default:5")
    ours.pass_on(claimer)
    assert 0 < ours.idle(60.0) < 0.1


def test_slow_jobs_are_not_fetched_ahead_and_fast_ones_are():
    pace = Pace(100)
    assert pace.ahead(0) == 0
    pace._at -= 10
    assert pace.ahead(1) <= 1
    pace._at -= 0.1
    assert pace.ahead(100_000) == 100
