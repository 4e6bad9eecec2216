"""Who is told how attempts ended."""

import pytest

from jobs import observers
from jobs.outcomes import Attempt, Completed, Released


@pytest.fixture
def told(monkeypatch):
    """Everything that a registered observer hears."""
    heard = []
    monkeypatch.setattr(observers, "_observers", {})
    observers.observe(heard.extend)
    return heard


def attempt(request_id="r-1"):
    return Attempt("job", 1, "kind", "default", 5, "{}", 1, 0, 3, None, 0.0, request_id=request_id)


def test_observers_are_told_of_jobs_that_came_in_through_a_request(told):
    asked, unasked = attempt(), attempt(request_id=None)
    observers.tell([(asked, Completed("1")), (unasked, Completed("2"))])
    assert told == [observers.Ended(asked, Completed("1"))]


def test_what_never_ran_is_no_news(told):
    observers.tell([(attempt(), Released())])
    assert told == []


def test_an_observer_is_told_once_however_often_it_registers(told):
    heard = []
    for _ in range(2):
        observers.observe(heard.append)
    observers.tell([(attempt(), Completed("1"))])
    assert len(heard) == 1


def test_an_observer_that_fails_stops_nobody(told, monkeypatch, caplog):
    def fail(ended):
        raise ZeroDivisionError

    known = dict(observers._observers)
    observers._observers.clear()
    observers.observe(fail)
    observers._observers.update(known)
    observers.tell([(attempt(), Completed("1"))])
    assert len(told) == 1
    assert "the outcomes themselves are recorded" in caplog.text
