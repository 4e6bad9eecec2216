"""Observers that may take their time hold up neither the outcomes nor the end of a worker."""

import threading

from jobs import observers
from jobs.outcomes import Attempt, Completed
from jobs.worker import telling
from jobs.worker.telling import Teller


def test_news_is_told_in_order_elsewhere_and_to_the_end():
    teller, heard = Teller(), []
    for number in range(50):
        teller.put(lambda number=number: heard.append((number, threading.current_thread().name)))
    teller.finish(10)
    assert heard == [(number, "teller") for number in range(50)]


def test_a_worker_without_news_has_no_such_thread():
    teller = Teller()
    teller.finish(0)
    assert teller._thread is None


def test_a_receiver_that_hangs_does_not_keep_a_worker_from_ending(monkeypatch):
    monkeypatch.setattr(telling, "MOST_WAITING", 2)
    teller, begun, go = Teller(), threading.Event(), threading.Event()
    teller.put(lambda: (begun.set(), go.wait(30)))
    assert begun.wait(10)
    for _ in range(2):
        teller.put(lambda: None)
    teller.finish(0.01)
    assert teller._thread.is_alive()
    go.set()
    teller._thread.join(0.1)


def test_only_those_at_leisure_are_told_later(monkeypatch):
    monkeypatch.setattr(observers, "_observers", {})
    heard, later = [], []
    observers.observe(lambda ended: heard.append("quick"), lambda attempt: True)
    observers.observe(lambda ended: heard.append("slow"), lambda attempt: True, at_leisure=True)
    attempt = Attempt("job", 1, "kind", "default", 5, "{}", 1, 0, 3, None, 0.0)
    observers.tell([(attempt, Completed("1"))], later.append)
    assert heard == ["quick"] and len(later) == 1
    later[0]()
    observers.tell([(attempt, Completed("1"))])
    assert heard == ["quick", "slow", "quick", "slow"]
