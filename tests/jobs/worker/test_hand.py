"""What the worker's threads may tell each other about an attempt: the first word counts."""

from jobs.outcomes import Attempt, Completed, Released
from jobs.worker.hand import Hand


def attempt(token=1):
    return Attempt(f"job-{token}", token, "kind", "default", 5, "{}", 1, 0, 3, None, 0.0)


def test_the_first_to_settle_decides():
    hand, one = Hand(), attempt()
    hand.take([one])
    assert hand.start(one)
    assert hand.settle(one, Completed("1"))
    assert not hand.settle(one, Completed("2"))
    assert list(hand.outcomes) == [(one, Completed("1"))]


def test_begun_or_given_back_never_both():
    hand, begun, waiting = Hand(), attempt(1), attempt(2)
    hand.take([begun, waiting])
    assert hand.start(begun)
    assert not hand.give_back(begun)
    assert hand.give_back(waiting)
    assert not hand.start(waiting)
    assert list(hand.outcomes) == [(waiting, Released())]
    assert hand.running() == [begun] and hand.unstarted() == []


def test_a_fenced_attempt_has_no_outcome_and_frees_its_place():
    hand, lost = Hand(), attempt()
    hand.take([lost])
    hand.start(lost)
    hand.fence(lost)
    assert lost.fenced and hand.room.is_set()
    assert not hand.settle(lost, Completed(None))
    assert not hand.outcomes and not hand.attempts
