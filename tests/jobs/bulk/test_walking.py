"""How an operation walks over its rows: frozen, paced, stopped, resumed."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.roles import Role
from accounts.uuid7 import first_uuid7
from jobs import control
from jobs.bulk import ending, pacing, pausing, repeating
from jobs.bulk.chunks import Chunks
from jobs.bulk.following import fate_of_all
from jobs.bulk.selecting import FIRST, Selection
from jobs.exceptions import InvalidOption, InvalidState
from jobs.models import AuditEntry, BulkChunk, BulkItem, BulkOperation, DeadLetter, Job
from jobs.statuses import BulkState, Status
from tests.jobs.bulk.conftest import Begin, counts, work
from tests.jobs.rows import dead_letter, finish, new_job
from tests.jobs.states import beside

pytestmark = pytest.mark.django_db

ALL: dict[str, Any] = {"filter": {}}


def letters(number: int) -> list[DeadLetter]:
    return [dead_letter(new_job("note")) for _ in range(number)]


def open_letters() -> int:
    return DeadLetter.objects.open().count()


def test_what_comes_later_is_not_touched(begun: Begin) -> None:
    letters(2)
    operation = begun("dead_letter", "redrive", ALL)
    late = dead_letter(new_job("note"))
    # Its client's clock is behind: the id lies among those that the operation walks over.
    behind = first_uuid7(timezone.now() - timedelta(hours=1))
    DeadLetter.objects.filter(pk=late.pk).update(id=behind)
    work(operation)
    assert counts(operation) == (2, 0, 0)
    assert DeadLetter.objects.get(pk=behind).resolution_status == "open"


@pytest.mark.django_db(transaction=True)
def test_what_is_written_before_and_committed_later_has_its_turn_if_there_is_still_one(begun: Begin) -> None:
    """The one thing that is not sharp: it existed when the operation began, and nobody could see it."""
    letters(1)
    early, operation = new_job("early", status=Status.PENDING), None
    with transaction.atomic():
        Job.objects.filter(pk=early.pk).update(queue="moved")
        operation = beside(lambda: begun("job", "cancel", {"filter": {"queue": "moved"}}))()
        assert operation.matched == 0, "not committed yet"
    assert counts(work(operation)) == (1, 0, 0)


def test_max_items(begun: Begin) -> None:
    letters(3)
    operation = work(begun("dead_letter", "redrive", ALL, max_items=2))
    assert (operation.state, counts(operation), open_letters()) == (BulkState.COMPLETED, (2, 0, 0), 1)
    assert operation.state_reason == "It was to stop after 2."


def test_a_rate_outlasts_rounds_and_may_be_changed(begun: Begin, operator: Any) -> None:
    letters(4)
    operation = work(begun("dead_letter", "redrive", ALL, rate_per_second=0.01))
    assert (operation.state, counts(operation)) == (BulkState.RUNNING, (1, 0, 0))
    assert operation.next_at is not None and operation.next_at > timezone.now() + timedelta(seconds=90)
    job = Job.objects.get(pk=operation.job)
    assert job.status == Status.PENDING and job.retry_count == 0, "the slot is free meanwhile"
    assert counts(work(operation)) == (1, 0, 0), "another round is no other pace"
    pacing.change_rate(operation.pk, operator, None, "go")
    assert counts(work(operation)) == (4, 0, 0)
    entry = AuditEntry.objects.get(action="change rate")
    assert entry.details == {"before": 0.01, "after": None}
    with pytest.raises(InvalidOption):
        pacing.change_rate(operation.pk, operator, 0)
    with pytest.raises(InvalidState):
        pacing.change_rate(operation.pk, operator, 5)


def test_a_canary_waits_for_a_person(begun: Begin, operator: Any) -> None:
    letters(4)
    operation = work(begun("dead_letter", "redrive", ALL, canary=2))
    assert (operation.state, counts(operation)) == (BulkState.PAUSED, (2, 0, 0))
    assert operation.job is None, "nobody watches, so no slot is taken"
    assert [chunk.is_canary for chunk in BulkChunk.objects.all()] == [True]
    pausing.proceed(operation.pk, operator, "looks good")
    operation = work(operation)
    assert (operation.state, counts(operation)) == (BulkState.COMPLETED, (4, 0, 0))
    assert sorted(chunk.is_canary for chunk in BulkChunk.objects.all()) == [False, True]
    assert fate_of_all(operation).pending == 4


def test_a_canary_goes_on_by_itself_when_all_of_it_succeeded(begun: Begin) -> None:
    letters(3)
    operation = work(begun("dead_letter", "redrive", ALL, canary=2, canary_proceeds=True))
    assert (operation.state, counts(operation)) == (BulkState.PAUSED, (2, 0, 0))
    assert Job.objects.get(pk=operation.job).status == Status.PENDING, "it looks again soon"
    for job_id in BulkChunk.objects.get().jobs:
        finish(Job.objects.get(pk=job_id))
    operation = work(operation)
    assert (operation.state, counts(operation)) == (BulkState.COMPLETED, (3, 0, 0))


def test_a_canary_that_dies_stops_it(begun: Begin) -> None:
    letters(3)
    operation = work(begun("dead_letter", "redrive", ALL, canary=2, canary_proceeds=True))
    first, second = BulkChunk.objects.get().jobs
    finish(Job.objects.get(pk=first))
    dead_letter(Job.objects.get(pk=second))
    operation = work(operation)
    assert (operation.state, operation.job) == (BulkState.PAUSED, None)
    assert operation.state_reason == "1 of the canary did not succeed. The others wait for your word."
    fate = fate_of_all(operation)
    assert (fate.looked_at, fate.completed, fate.dead) == (2, 1, 1)


def test_a_canary_is_not_watched_for_ever(begun: Begin) -> None:
    letters(2)
    operation = work(begun("dead_letter", "redrive", ALL, canary=1, canary_proceeds=True, canary_seconds=5))
    BulkOperation.objects.update(canary_at=timezone.now() - timedelta(seconds=6))
    operation = work(operation)
    assert operation.state_reason == "1 of the canary have not ended in time. It waits for your word."


def test_cancelled_between_two_chunks(begun: Begin, operator: Any) -> None:
    letters(3)
    operation = work(begun("dead_letter", "redrive", ALL, rate_per_second=0.01))
    ended = ending.cancel(operation.pk, operator, "wrong ones")
    assert (ended.state, ended.state_reason, counts(ended)) == (BulkState.CANCELLED, "wrong ones", (1, 0, 0))
    assert counts(work(operation)) == (1, 0, 0)
    assert Job.objects.get(pk=operation.job).status == Status.COMPLETED, "its job ends by itself"
    with pytest.raises(InvalidState):
        ending.cancel(operation.pk, operator)


def test_paused_and_let_go_on(begun: Begin, operator: Any) -> None:
    letters(2)
    operation = begun("dead_letter", "redrive", ALL)
    pausing.pause(operation.pk, operator, "lunch")
    assert (work(operation).state, operation.job, open_letters()) == (BulkState.PAUSED, None, 2)
    assert operation.state_reason == "olga paused it: lunch"
    pausing.proceed(operation.pk, operator)
    assert counts(work(operation)) == (2, 0, 0)


def test_a_lost_job_is_made_good(begun: Begin, operator: Any) -> None:
    letters(2)
    operation = begun("dead_letter", "redrive", ALL)
    with pytest.raises(InvalidState):
        pausing.proceed(operation.pk, operator)
    control.cancel(operation.job, operator)
    first = operation.job
    pausing.proceed(operation.pk, operator)
    operation.refresh_from_db()
    assert operation.job != first
    assert counts(work(operation)) == (2, 0, 0)


def test_a_job_that_is_not_the_operations_any_more_does_nothing(begun: Begin) -> None:
    letters(1)
    operation = begun("dead_letter", "redrive", ALL)
    job = Job.objects.get(pk=operation.job)
    assert Chunks(operation.pk, new_job("other").pk).next(transaction.atomic()).goes_on is False
    assert open_letters() == 1
    assert Chunks(operation.pk, job.pk).next(transaction.atomic()).goes_on is False
    assert open_letters() == 0


def test_whoever_lost_the_role_acts_no_more(begun: Begin, operator: Any) -> None:
    letters(2)
    operation = work(begun("dead_letter", "redrive", ALL, rate_per_second=0.01))
    operator.role = Role.VIEWER
    operator.save(update_fields=["role"])
    BulkOperation.objects.update(next_at=None)
    operation = work(operation)
    assert (operation.state, operation.state_reason) == (BulkState.FAILED, "olga may not act on jobs any more.")
    assert counts(operation) == (1, 0, 0)


def test_failures_are_done_again(begun: Begin, operator: Any) -> None:
    taken, fine = dead_letter(new_job("note", unique_key="k")), dead_letter(new_job("note"))
    holder = new_job("note", unique_key="k")
    operation = work(begun("dead_letter", "redrive", {"ids": [str(taken.pk), str(fine.pk)]}, rate_per_second=50))
    assert counts(operation) == (1, 0, 1)
    control.cancel(holder.pk, operator)
    second = work(repeating.again(operation.pk, operator))
    assert (counts(second), second.again_id, second.rate_per_second) == ((1, 0, 0), operation.pk, 50)
    with pytest.raises(InvalidState):
        repeating.again(second.pk, operator)


@pytest.mark.django_db(transaction=True)
def test_what_somebody_holds_is_put_off_and_then_tried_by_itself(begun: Begin) -> None:
    held, _ = letters(2)
    operation = begun("dead_letter", "redrive", ALL)
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=held.original_job_id)
        chunks = Chunks(operation.pk, operation.job)
        step = beside(lambda: chunks.next(transaction.atomic()))()
        assert step.goes_on
        operation.refresh_from_db()
        assert (operation.put_off, counts(operation)) == ([held.pk], (1, 0, 0))
    assert counts(work(operation)) == (2, 0, 0)
    assert not BulkItem.objects.exists()


def test_two_operations_over_the_same_rows_do_no_harm(begun: Begin) -> None:
    letters(3)
    first, second = begun("dead_letter", "redrive", ALL), begun("dead_letter", "discard", ALL)
    work(first)
    assert (counts(work(second)), second.state) == ((0, 0, 0), BulkState.COMPLETED)


@pytest.mark.django_db(transaction=True)
def test_two_that_run_at_the_same_time_share_the_rows(begun: Begin) -> None:
    rows = letters(40)
    operations = [begun("dead_letter", action, ALL) for action in ("redrive", "discard")]

    def run(operation: BulkOperation) -> None:
        chunks = Chunks(operation.pk, operation.job, size=3)
        while chunks.next(transaction.atomic()).goes_on:
            pass

    for ended in [beside(partial(run, operation)) for operation in operations]:
        ended()
    first, second = (BulkOperation.objects.get(pk=operation.pk) for operation in operations)
    assert (first.state, second.state) == (BulkState.COMPLETED, BulkState.COMPLETED)
    assert first.done + second.done == 40 and first.failed + second.failed == 0
    told = AuditEntry.objects.filter(action__in=["redriven", "discarded"]).values_list("target_id", flat=True)
    assert sorted(told) == sorted(str(row.pk) for row in rows), "each letter once"


def test_a_row_that_the_database_refuses_holds_up_no_other(begun: Begin) -> None:
    poisoned, _ = letters(2)
    condition = f"id <> '{poisoned.original_job_id}' OR status <> 'pending'"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE job_queue ADD CONSTRAINT poison CHECK ({condition})")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    operation = work(begun("dead_letter", "redrive", ALL))
    assert (operation.state, counts(operation)) == (BulkState.COMPLETED, (1, 0, 1))
    assert "poison" in BulkItem.objects.get().reason


def test_windows_walk_over_what_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.selecting.WINDOW", 3)
    jobs = [new_job("odd" if n % 4 == 0 else "even", tags=["t"] if n == 8 else []) for n in range(12)]
    for wanted, expected in (
        ({"type": "odd"}, [0, 4, 8]),
        ({"type": "odd", "tag": "t"}, [8]),
        ({"q": "job_type:even", "priority_min": 9}, []),
        ({"q": "tags:t OR job_type:odd"}, [0, 4, 8]),
    ):
        selection, found, after = Selection("job", {"filter": wanted}), [], FIRST
        while True:
            window = selection.window(after, 2)
            found += window.ids
            if window.reached is None:
                break
            after = window.reached
        assert found == [jobs[n].pk for n in expected], wanted
