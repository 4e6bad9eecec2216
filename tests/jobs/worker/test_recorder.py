import pytest

from jobs.outcomes import Attempt, Completed
from jobs.worker import recorder
from jobs.worker.counting import Counts
from jobs.worker.hand import Hand
from tests.jobs import rows


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


@pytest.mark.django_db
def test_a_last_word_of_progress_is_no_lost_lock(caplog):
    """A handler tells how far it is and returns at once: the recorder may see the outcome first."""
    hand = Hand()
    writer = recorder.Recorder(hand, Counts(), lambda delay: None)
    job = rows.new_job()
    attempt = Attempt(str(job.pk), rows.start(job).lock_token, job.job_type, "default", 5, "{}", 1, 0, 3, None, 0.0)
    hand.take([attempt])
    hand.settle(attempt, Completed("1"))
    attempt.progress = (90, "nearly")
    writer.tell_progress(attempt)
    writer._flush()
    writer._flush_progress()
    job.refresh_from_db()
    assert job.status == "completed" and job.result == 1
    assert "lock_lost" not in caplog.text
