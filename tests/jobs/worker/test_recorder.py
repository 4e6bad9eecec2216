import pytest

from jobs.outcomes import Attempt, Completed
from jobs.worker import recorder
from jobs.worker.counting import Counts
from jobs.worker.hand import Hand


@pytest.mark.django_db
def test_large_results_go_in_several_batches(monkeypatch):
    """However many results wait, one statement carries only so many bytes of them."""
    batches = []
    monkeypatch.setattr(recorder, "record", lambda batch: batches.append([len(o.result) for _, o in batch]) or [])
    monkeypatch.setattr(recorder, "MOST_BYTES_AT_ONCE", 1_000)
    hand = Hand()
    writer = recorder.Recorder(hand, Counts(), lambda delay: None)
    for n in range(10):
        attempt = Attempt(str(n), n, "large", "default", 5, "{}", 1, 0, 3, None, 0.0)
        hand.take([attempt])
        hand.settle(attempt, Completed("x" * 400))
    while hand.outcomes:
        writer._flush()
    assert batches == [[400] * 3, [400] * 3, [400] * 3, [400]]
