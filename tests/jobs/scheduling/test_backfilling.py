"""Times of the past get the jobs that they never had, once; and the next time can be left out."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from jobs import schedules
from jobs.exceptions import InvalidOption, InvalidState
from jobs.models import AuditEntry, Job, Schedule
from jobs.scheduling import backfilling
from tests.jobs.scheduling.rows import made

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("note")]

NINE_IN_TOKYO = {"type": "cron", "expression": "0 9 * * *", "timezone": "Asia/Tokyo"}
MAY = (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC))


def test_the_jobs_of_past_times_are_made_once(actor):
    schedule = made(schedule_interval=NINE_IN_TOKYO, overlap="skip")
    expected = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
    assert backfilling.look(schedule, *MAY).missing == expected
    first = schedules.backfill(schedule.pk, actor, *MAY, reason="the disk was full")
    assert list(first.jobs) == first.times == expected
    assert set(Job.objects.values_list("scheduled_for", "schedule")) == {(at, schedule.pk) for at in expected}
    wider = (MAY[0] - timedelta(days=1), MAY[1])
    assert backfilling.look(schedule, *wider).missing == [datetime(2026, 4, 30, tzinfo=UTC)]
    assert len(schedules.backfill(schedule.pk, actor, *wider).jobs) == 1
    assert schedules.backfill(schedule.pk, actor, *wider).jobs == {}
    assert Job.objects.count() == 5
    entries = AuditEntry.objects.filter(target_id=str(schedule.pk), action="backfill").order_by("id")
    assert [(entry.reason, entry.details["jobs"]) for entry in entries] == [("the disk was full", 4), ("", 1)]
    before = schedule.next_run_at
    schedule.refresh_from_db()
    assert schedule.next_run_at == before


def test_equal_distances_keep_their_step():
    schedule = made(schedule_interval={"type": "timedelta", "seconds": 3600})
    next_run = schedule.next_run_at
    found = backfilling.look(schedule, next_run - timedelta(hours=3, minutes=30), next_run - timedelta(hours=1))
    assert found.times == [next_run - timedelta(hours=hours) for hours in (3, 2, 1)]


@pytest.mark.parametrize(
    ("since", "until", "option"),
    [
        (MAY[1], MAY[0], "until"),
        (datetime(1999, 1, 1, tzinfo=UTC), MAY[0], "since"),
        (MAY[0], datetime(2999, 1, 1, tzinfo=UTC), "until"),
        (datetime(2001, 1, 1, tzinfo=UTC), MAY[0], "until"),
    ],
)
def test_ranges_that_are_none(since, until, option):
    with pytest.raises(InvalidOption) as error:
        backfilling.look(made(schedule_interval=NINE_IN_TOKYO), since, until)
    assert error.value.option == option


def test_what_is_run_only_by_hand_has_no_past_times():
    assert backfilling.look(made(schedule_interval={"type": "manual"}), *MAY).times == []


def test_the_next_time_is_left_out_and_the_one_behind_it_stays(actor):
    schedule = made(schedule_interval=NINE_IN_TOKYO)
    first = schedule.next_run_at
    skipped = schedules.skip_next(schedule.pk, actor, "a holiday", expected=first)
    assert (skipped.next_run_at, skipped.skipped, skipped.is_active) == (first + timedelta(days=1), 1, True)
    with pytest.raises(InvalidState, match="its next time is"):
        schedules.skip_next(schedule.pk, actor, expected=first)
    entry = AuditEntry.objects.get(target_id=str(schedule.pk), action="skip")
    assert entry.reason == "a holiday" and entry.details["before"]["next_run_at"].startswith(first.isoformat()[:16])
    assert not Job.objects.exists()


def test_what_has_no_further_time_is_switched_off(actor):
    end = timezone.now() + timedelta(hours=1, minutes=30)
    schedule = made(schedule_interval={"type": "timedelta", "seconds": 3600}, ends_at=end)
    last = schedules.skip_next(schedule.pk, actor)
    assert (last.next_run_at, last.is_active) == (None, False)
    with pytest.raises(InvalidState):
        schedules.skip_next(schedule.pk, actor)
    assert Schedule.objects.get(pk=schedule.pk).skipped == 1
