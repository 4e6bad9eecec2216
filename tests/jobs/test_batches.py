"""Batches: counted together, followed by one job, cancelled together."""

from typing import Any

import pytest
from django.db import transaction

from jobs import batches, control, dead_letters
from jobs.batches import enqueue_batch
from jobs.enqueue import NewJob
from jobs.exceptions import InvalidOption, InvalidPayload
from jobs.models import AuditEntry, Batch, Job
from jobs.releasing import release_waiting
from jobs.testing import drain
from tests.jobs import rows

pytestmark = pytest.mark.django_db

NOTE = NewJob("note", {})


@pytest.fixture(autouse=True)
def _note(note: Any) -> None:
    """All jobs here are notes."""


def status(job: Any) -> tuple[str, str | None]:
    release_waiting()
    found = Job.objects.get(pk=job.id)
    return found.status, found.waits_for


def test_the_callback_runs_when_all_have_completed() -> None:
    batch = enqueue_batch([NOTE] * 3, name="three", on_completed=NewJob("note", {"done": True}))
    assert batch.callback is not None
    for job in batch.jobs:
        assert status(batch.callback) == ("pending", "jobs")
        rows.finish(job.fetch())
    assert [job.pk for job in drain()] == [batch.callback.id]
    found = batch.fetch()
    assert (found.name, found.total, found.callback) == ("three", 3, batch.callback.id)


def test_a_batch_without_jobs_runs_its_callback_at_once() -> None:
    for chosen in ("on_completed", "on_ended"):
        batch = enqueue_batch([], **{chosen: NOTE})  # type: ignore[arg-type]
        assert batch.callback is not None
        assert status(batch.callback) == ("pending", None)
        assert batches.count(batch.fetch()).progress == 100


def test_completed_waits_for_a_redrive_and_ended_does_not() -> None:
    strict, lenient = enqueue_batch([NOTE] * 2, on_completed=NOTE), enqueue_batch([NOTE] * 2, on_ended=NOTE)
    for batch in (strict, lenient):
        rows.finish(batch.jobs[0].fetch())
        rows.fail(batch.jobs[1].fetch(), retryable=False)
    assert strict.callback and lenient.callback
    assert status(strict.callback) == ("pending", "jobs")
    assert status(lenient.callback) == ("pending", None)
    dead_letters.discard(strict.jobs[1].fetch().dead_letters.get().pk, None)
    assert status(strict.callback) == ("cancelled", "jobs")


def test_counts_jobs_by_status_without_the_callback() -> None:
    batch = enqueue_batch([NOTE] * 5, on_ended=NOTE)
    rows.finish(batch.jobs[0].fetch())
    rows.start(batch.jobs[1].fetch())
    rows.fail(batch.jobs[2].fetch(), retryable=False)
    control.cancel(batch.jobs[3].id, None)
    counts = batches.count(batch.fetch())
    once = {"pending": 1, "processing": 1, "dead_letter": 1, "completed": 1, "failed": 0, "cancelled": 1}
    assert (counts.by_status, counts.total, counts.ended, counts.progress) == (once, 5, 2, 40)
    Job.objects.filter(pk__in=[batch.jobs[0].id, batch.jobs[3].id]).delete()
    assert batches.count(batch.fetch()).progress == 40  # what was pruned has ended


def test_cancelling_stops_what_runs_and_cancels_the_rest(actor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", 3)
    batch = enqueue_batch([NOTE] * 10, on_ended=NOTE, user=actor)
    rows.finish(batch.jobs[0].fetch())
    for job in batch.jobs[1:5]:
        rows.start(job.fetch())
    done = batches.cancel(batch.id, actor, "enough")
    assert (done.cancelled, done.asked) == (5, 4)
    running = Job.objects.filter(batch=batch.id, status="processing")
    assert all(job.cancel_requested_at for job in running)
    cancelled = Job.objects.filter(batch=batch.id, status="cancelled")
    assert {job.error_message for job in cancelled} == {f"Its batch {batch.id} was cancelled."}
    entry = AuditEntry.objects.get(target_id=str(batch.id))
    assert (entry.action, entry.reason, entry.details) == ("cancel", "enough", {"cancelled": 5, "asked": 4})
    assert batches.cancel(batch.id, actor) == batches.CancelledBatch(0, 0)
    assert batch.callback
    assert status(batch.callback) == ("pending", "jobs")


def test_jobs_for_the_case_of_failure_belong_to_it() -> None:
    fallback = NewJob("note", {"fallback": True})
    batch = enqueue_batch([NewJob("note", {}, {"on_failure": fallback})] * 2, on_completed=NOTE)
    assert batch.fetch().total == 4
    for job in batch.jobs:
        rows.finish(job.fetch())
    assert batch.callback
    assert status(batch.callback) == ("pending", None)
    assert batches.count(batch.fetch()).by_status["cancelled"] == 2


def test_jobs_take_over_the_owner(actor: Any) -> None:
    batch = enqueue_batch([NOTE], on_ended=NOTE, user=actor)
    assert batch.fetch().user == actor
    assert list(Job.objects.filter(batch=batch.id).values_list("user", flat=True)) == [actor.pk] * 2


def test_refuses_all_of_it_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidOption, match="on_ended: cannot be given together"):
        enqueue_batch([], on_completed=NOTE, on_ended=NOTE)
    with pytest.raises(InvalidOption, match="jobs/1/priority"):
        enqueue_batch([NOTE, NewJob("note", {}, {"priority": -1})])
    with pytest.raises(InvalidOption, match="jobs/0/unique_key"):
        enqueue_batch([NewJob("note", {}, {"unique_key": "k"})])
    with pytest.raises(InvalidOption, match="name: must be a text"):
        enqueue_batch([], name="x" * 256)
    with pytest.raises(InvalidPayload) as raised:
        enqueue_batch([NOTE], on_completed=NewJob("note", {"n": float("nan")}))
    assert raised.value.field == "on_completed/payload"
    monkeypatch.setattr(batches, "MOST_IN_BATCH", 3)
    with pytest.raises(InvalidOption, match="at most 3"):
        enqueue_batch([NOTE] * 4)
    assert not Job.objects.exists()
    assert not Batch.objects.exists()


def test_is_part_of_the_callers_transaction() -> None:
    with transaction.atomic():
        enqueue_batch([NOTE] * 3, on_completed=NOTE)
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    assert not Batch.objects.exists()
