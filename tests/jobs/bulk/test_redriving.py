"""Redriving many dead letters: each with all that redriving one alone promises."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import dead_letters
from jobs.bulk.acts import ACTS
from jobs.bulk.by import By
from jobs.models import AuditEntry, BulkChunk, BulkItem, DeadLetter, DeadLetterGroup, Job
from jobs.statuses import BulkState, Resolution, Status
from tests.factories import UserFactory
from tests.jobs.bulk.conftest import Begin, counts, work
from tests.jobs.rows import dead_letter, new_job

pytestmark = pytest.mark.django_db

ALL: dict[str, Any] = {"filter": {}}


def test_many_are_redriven_as_one_is(begun: Begin, operator: Any) -> None:
    letters = [dead_letter(new_job("note", queue=f"q{n % 2}")) for n in range(7)]
    operation = work(begun("dead_letter", "redrive", ALL, reason="provider is back"))
    assert (operation.state, counts(operation)) == (BulkState.COMPLETED, (7, 0, 0))
    alone = dead_letter(new_job("note"))
    dead_letters.redrive(alone.pk, operator, reason="provider is back")
    alone.refresh_from_db()
    columns = ["status", "retry_count", "attempt", "started_at", "failed_at", "progress", "error_message"]
    for letter in DeadLetter.objects.filter(pk__in=[each.pk for each in letters]):
        job, other = letter.original_job, alone.original_job
        assert [getattr(job, name) for name in columns] == [getattr(other, name) for name in columns]
        assert (letter.resolution_status, letter.resolved_by, letter.resolution_notes) == (
            alone.resolution_status, alone.resolved_by, alone.resolution_notes,
        )  # fmt: skip
        assert letter.resolved_at is not None
    entries = AuditEntry.objects.filter(action=Resolution.REDRIVEN, target_id__in=[str(each.pk) for each in letters])
    assert entries.count() == 7
    own = AuditEntry.objects.get(target_id=str(alone.pk))
    for entry in entries:
        assert (entry.actor, entry.actor_name, entry.target_type, entry.reason) == (
            own.actor, own.actor_name, own.target_type, "provider is back",
        )  # fmt: skip
        assert entry.details == {"bulk_operation": str(operation.pk)}
    assert set(DeadLetterGroup.objects.values_list("open_count", flat=True)) == {0}
    (chunk,) = BulkChunk.objects.filter(operation=operation)
    assert set(chunk.jobs) == {letter.original_job_id for letter in letters}


def test_a_chunk_takes_as_many_statements_as_few_letters(operator: Any) -> None:
    def statements(number: int) -> int:
        ids = [dead_letter(new_job("note")).pk for _ in range(number)]
        with CaptureQueriesContext(
            connection,
        ) as found:
            report = ACTS["dead_letter", "redrive"].many(ids, By(operator, "olga", "", ids[0]), {})
        assert report.done == number
        return len(found)

    assert statements(2) == statements(12) <= 12


def test_what_cannot_be_redriven_holds_up_nobody(begun: Begin, operator: Any) -> None:
    settled, taken, fine = (dead_letter(new_job("note", unique_key=key)) for key in ("a", "b", "c"))
    chosen = {"ids": [str(letter.pk) for letter in (settled, taken, fine)]}
    holder = new_job("note", unique_key="b")
    gone = dead_letter(new_job("note"))
    chosen["ids"].append(str(gone.pk))
    Job.objects.filter(pk=gone.original_job_id).delete()
    dead_letters.discard(settled.pk, operator)
    operation = work(begun("dead_letter", "redrive", chosen))
    assert (operation.state, counts(operation)) == (BulkState.COMPLETED, (1, 2, 1))
    assert list(BulkItem.objects.order_by("reason").values_list("target_id", "outcome", "reason")) == [
        (settled.pk, "skipped", "Cannot redrive it: its status is discarded."),
        (gone.pk, "skipped", "It is not there any more."),
        (taken.pk, "failed", f"The unique key 'b' belongs to the job {holder.pk}."),
    ]


def test_of_two_letters_with_one_key_the_first_has_it(begun: Begin) -> None:
    first, second = (dead_letter(new_job("note", unique_key="k")) for _ in range(2))
    operation = work(begun("dead_letter", "redrive", ALL))
    assert counts(operation) == (1, 0, 1)
    assert Job.objects.get(pk=first.original_job_id).status == Status.PENDING
    assert Job.objects.get(pk=second.original_job_id).status == Status.DEAD_LETTER


def test_an_owner_who_may_not_use_the_language_any_more_is_refused(begun: Begin) -> None:
    owner = UserFactory(allowed_languages=["node"])
    dead_letter(new_job("note", user=owner))
    operation = work(begun("dead_letter", "redrive", ALL))
    assert counts(operation) == (0, 0, 1)
    assert BulkItem.objects.get().reason == "The job's owner may not use functions in python."


def test_redriven_to_another_queue(begun: Begin) -> None:
    letter = dead_letter(new_job("note", queue="here"))
    operation = work(begun("dead_letter", "redrive", ALL, arguments={"queue": "there"}))
    assert counts(operation) == (1, 0, 0), BulkItem.objects.values_list("reason", flat=True)
    letter.refresh_from_db()
    assert (letter.original_job.queue, letter.redriven_queue) == ("there", "there")
    entry = AuditEntry.objects.get(target_id=str(letter.pk))
    assert (entry.details["queue_before"], entry.details["queue_after"]) == ("here", "there")


@pytest.mark.parametrize(("action", "status"), [("discard", Status.FAILED), ("resolve", Status.COMPLETED)])
def test_discarded_and_resolved(begun: Begin, action: str, status: Status) -> None:
    letter = dead_letter(new_job("note"))
    operation = work(begun("dead_letter", action, ALL, reason="by hand"))
    letter.refresh_from_db()
    assert (counts(operation), letter.original_job.status, letter.resolution_notes) == ((1, 0, 0), status, "by hand")
    assert not BulkChunk.objects.exists(), "no job runs for it"
