from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import control, schedules
from jobs.models import AuditEntry, Job, Schedule
from jobs.scheduling import firing
from jobs.scheduling.firing import fire_due, seconds_until_due
from jobs.statuses import Status
from tests.factories import UserFactory
from tests.jobs.rows import finish, start
from tests.jobs.scheduling.rows import DAILY, MINUTELY, NOON, awaiting, fired_times, made, steps

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("note")]

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def test_a_moment_that_is_none_of_its_times_only_says_when_to_look(actor):
    schedule = awaiting(made(actor, schedule_interval=DAILY), NOON - SECOND)
    [fired] = fire_due(now=NOON)
    schedule.refresh_from_db()
    assert not fired.jobs and schedule.next_run_at == NOON + 21 * HOUR


def test_the_job_is_as_the_schedule_says(actor):
    nine = NOON - 3 * HOUR
    fields = {"payload": {"room": 5}, "queue": "tidying", "priority": 7, "max_retries": 1}
    schedule = awaiting(made(actor, schedule_interval=DAILY, **fields), nine)
    [fired] = fire_due(now=nine + SECOND)
    job = Job.objects.get(schedule=schedule)
    assert fired.jobs == {nine: job.pk}
    assert (job.job_type, job.payload, job.queue, job.priority, job.max_retries) == (
        "note",
        {"room": 5},
        "tidying",
        7,
        1,
    )
    assert (job.user, job.user_email, job.scheduled_for, job.status) == (actor, actor.email, nine, Status.PENDING)
    assert job.scheduled_at <= timezone.now(), "due now, whatever time it was made for"
    schedule.refresh_from_db()
    assert (schedule.next_run_at, schedule.last_run_at) == (nine + timedelta(days=1), nine + SECOND)
    assert (schedule.last_job, schedule.skipped, schedule.last_error, schedule.is_active) == (job.pk, 0, "", True)
    assert fire_due(now=nine + SECOND) == []


def test_firing_leaves_its_version_to_people():
    schedule = awaiting(made(), NOON)
    before = (schedule.version, schedule.updated_at)
    fire_due(now=NOON)
    schedule.refresh_from_db()
    assert (schedule.version, schedule.updated_at) == before
    assert schedules.change(schedule.pk, None, expected_version=schedule.version, priority=9).version == before[0] + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"is_active": False, "next_run_at": None},
        {"is_deleted": True},
        {"next_run_at": NOON + SECOND},
        {"next_run_at": None},
    ],
    ids=["switched off", "deleted", "not yet", "none"],
)
def test_what_is_not_due_is_left_alone(changes):
    schedule = awaiting(made(), NOON)
    Schedule.objects.filter(pk=schedule.pk).update(**changes)
    assert fire_due(now=NOON) == [] and not fired_times(schedule)


def test_a_timedelta_keeps_its_phase_however_late_it_is_fired():
    schedule = awaiting(made(schedule_interval={"type": "timedelta", "seconds": 90}), NOON)
    at = NOON
    for late in (0.4, 3.7, 31.0):
        fire_due(now=at + timedelta(seconds=late))
        at += timedelta(seconds=90)
    assert fired_times(schedule) == steps(NOON, 3, seconds=90)


def test_a_little_late_is_not_missed():
    schedule = awaiting(made(schedule_interval={"type": "timedelta", "seconds": 10}, misfire="skip"), NOON)
    fire_due(now=NOON + MINUTE)
    assert fired_times(schedule) == steps(NOON, 7, seconds=10)
    schedule.refresh_from_db()
    assert schedule.skipped == 0


#: How an hour without any worker ends for a schedule of every 10 minutes: which times (in minutes) make jobs.
DOWNTIME = {"skip": [60], "latest": [60], "all": [30, 40, 50, 60]}


@pytest.mark.parametrize(
    "interval", [{"type": "timedelta", "seconds": 600}, {"type": "cron", "expression": "*/10 * * * *"}]
)
@pytest.mark.parametrize("misfire", DOWNTIME)
def test_an_hour_of_downtime(misfire, interval):
    schedule = awaiting(made(misfire=misfire, misfire_cap=4, schedule_interval=interval), NOON)
    [fired] = fire_due(now=NOON + HOUR + SECOND)
    expected = [NOON + timedelta(minutes=minute) for minute in DOWNTIME[misfire]]
    assert fired_times(schedule) == expected == sorted(fired.jobs)
    schedule.refresh_from_db()
    assert (schedule.skipped, schedule.next_run_at) == (7 - len(expected), NOON + HOUR + 10 * MINUTE)


@pytest.mark.parametrize(("misfire", "expected"), [("skip", []), ("latest", [9]), ("all", [9])])
def test_a_daily_time_that_was_missed(misfire, expected):
    nine = NOON - 3 * HOUR
    schedule = awaiting(made(schedule_interval=DAILY, misfire=misfire), nine)
    fire_due(now=NOON)
    assert [moment.hour for moment in fired_times(schedule)] == expected
    schedule.refresh_from_db()
    assert (schedule.skipped, schedule.next_run_at) == (1 - len(expected), nine + timedelta(days=1))


def test_a_year_of_missed_seconds_costs_no_more_than_an_hour_of_them():
    schedule = awaiting(made(schedule_interval={"type": "timedelta", "seconds": 1}, misfire="all", misfire_cap=5), NOON)
    now = NOON + timedelta(days=365)
    with CaptureQueriesContext(connection) as queries:
        fire_due(now=now)
    assert fired_times(schedule) == steps(now - timedelta(seconds=4), 5, seconds=1)
    schedule.refresh_from_db()
    assert schedule.skipped == 365 * 86_400 + 1 - 5
    assert len(queries) < 20


@pytest.mark.parametrize("state", [Status.PENDING, Status.PROCESSING, Status.COMPLETED])
@pytest.mark.parametrize("overlap", Schedule.Overlap)
def test_what_becomes_of_the_job_before(overlap, state):
    schedule = awaiting(made(overlap=overlap), NOON)
    fire_due(now=NOON)
    before = Job.objects.get(schedule=schedule)
    {Status.PENDING: lambda job: None, Status.PROCESSING: start, Status.COMPLETED: finish}[state](before)
    fire_due(now=NOON + HOUR)
    before.refresh_from_db()
    schedule.refresh_from_db()
    skips = overlap == "skip" and state != Status.COMPLETED
    assert fired_times(schedule) == steps(NOON, 1 if skips else 2, hours=1)
    assert schedule.skipped == int(skips) and schedule.next_run_at == NOON + 2 * HOUR
    cancels = overlap == "cancel" and state != Status.COMPLETED
    assert (before.cancel_requested_at is not None) is cancels
    assert before.status == (Status.CANCELLED if cancels and state == Status.PENDING else state)
    assert AuditEntry.objects.filter(target_id=str(before.pk), action="cancel", actor=None).count() == int(cancels)


@pytest.mark.parametrize(("overlap", "expected"), [("allow", [1, 2, 3]), ("skip", [1]), ("cancel", [3])])
def test_times_made_up_for_together_overlap_too(overlap, expected):
    schedule = awaiting(made(overlap=overlap, misfire="all", misfire_cap=3), NOON)
    fire_due(now=NOON + 3 * HOUR)
    assert fired_times(schedule) == [NOON + hours * HOUR for hours in expected]
    schedule.refresh_from_db()
    assert schedule.skipped == 4 - len(expected)


def test_the_job_of_another_schedule_is_no_overlap():
    other = awaiting(made(name="other"), NOON)
    schedule = awaiting(made(overlap="skip"), NOON)
    fire_due(now=NOON)
    assert len(fired_times(other)) == len(fired_times(schedule)) == 1


def test_a_job_run_by_hand_is_an_overlap():
    schedule = awaiting(made(overlap="skip"), NOON)
    schedules.run_now(schedule.pk, None)
    fire_due(now=NOON)
    assert fired_times(schedule) == []


def test_after_its_end_it_is_switched_off():
    schedule = awaiting(made(ends_at=NOON + HOUR), NOON)
    fire_due(now=NOON)
    schedule.refresh_from_db()
    assert schedule.is_active and schedule.next_run_at == NOON + HOUR, "the end is a time like others"
    fire_due(now=NOON + HOUR)
    schedule.refresh_from_db()
    assert not schedule.is_active and schedule.next_run_at is None
    assert fired_times(schedule) == steps(NOON, 2, hours=1)


def test_times_after_its_end_are_none_that_were_missed():
    schedule = awaiting(made(ends_at=NOON + HOUR, misfire="all"), NOON)
    fire_due(now=NOON + 9 * HOUR)
    schedule.refresh_from_db()
    assert fired_times(schedule) == steps(NOON, 2, hours=1) and not schedule.is_active and schedule.skipped == 0


def break_job_type(schedule):
    Schedule.objects.filter(pk=schedule.pk).update(job_type="gone")


def break_payload(schedule):
    Schedule.objects.filter(pk=schedule.pk).update(payload=[1])


def break_interval(schedule):
    Schedule.objects.filter(pk=schedule.pk).update(schedule_interval={"type": "lunar"})


def disable_owner(schedule):
    schedule.user.is_active = False
    schedule.user.save()


def bar_owner(schedule):
    schedule.user.allowed_languages = ["node"]
    schedule.user.save()


BREAKS = {
    break_job_type: "No handler is registered for the job type 'gone'.",
    break_payload: "payload: must be an object",
    break_interval: "schedule_interval/type: must be cron, timedelta or manual",
    disable_owner: "Cannot run it: its owner is disabled.",
    bar_owner: "may not use functions in python",
}


@pytest.mark.parametrize("break_", BREAKS, ids=lambda act: act.__name__)
def test_one_that_cannot_make_its_job_stops_no_other_and_does_not_spin(break_, actor, caplog):
    broken = awaiting(made(actor, name="broken"), NOON - SECOND)
    sound = awaiting(made(), NOON)
    break_(broken)
    fired = fire_due(now=NOON)
    assert [one.name for one in fired] == ["broken", "tidy"] and len(fired_times(sound)) == 1
    broken.refresh_from_db()
    assert BREAKS[break_] in broken.last_error == fired[0].error and "broken" in caplog.text
    assert broken.next_run_at == (None if break_ is break_interval else NOON - SECOND + HOUR)
    assert broken.is_active and not fired_times(broken)
    assert broken.skipped == (0 if break_ is break_interval else 1)
    assert fire_due(now=NOON) == []


def test_an_error_is_forgotten_when_it_goes_well_again():
    schedule = awaiting(made(), NOON)
    break_job_type(schedule)
    fire_due(now=NOON)
    Schedule.objects.update(job_type="note")
    fire_due(now=NOON + HOUR)
    schedule.refresh_from_db()
    assert schedule.last_error == "" and fired_times(schedule) == [NOON + HOUR]


def test_an_error_of_the_database_in_one_leaves_nothing_half_done(monkeypatch):
    real = firing.submit

    def failing(schedule, times):
        made = real(schedule, times)
        if schedule.name == "broken":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return made

    monkeypatch.setattr(firing, "submit", failing)
    broken, sound = awaiting(made(name="broken"), NOON), awaiting(made(), NOON)
    fire_due(now=NOON)
    broken.refresh_from_db()
    assert "division by zero" in broken.last_error and not fired_times(broken) and len(fired_times(sound)) == 1


def test_the_index_is_the_last_guard():
    schedule = awaiting(made(), NOON)
    fire_due(now=NOON)
    # As if somebody had put an old backup of the schedule back.
    awaiting(schedule, NOON)
    [fired] = fire_due(now=NOON + HOUR)
    assert fired.skipped == 1 and sorted(fired.jobs) == [NOON + HOUR]
    awaiting(schedule, NOON)
    assert [one.jobs for one in fire_due(now=NOON)] == [{}]
    assert fired_times(schedule) == steps(NOON, 2, hours=1)


def test_a_unique_key_of_the_job_type_is_kept(register):
    from jobs.uniqueness import Unique

    register("sole", lambda ctx, room=1: None, unique=Unique(fields=("room",)))
    schedule = awaiting(made(job_type="sole"), NOON)
    fire_due(now=NOON)
    fire_due(now=NOON + HOUR)
    schedule.refresh_from_db()
    assert fired_times(schedule) == [NOON] and schedule.skipped == 1


def test_as_many_as_asked_for_and_those_that_wait_longest():
    for number in range(5):
        awaiting(made(name=f"tidy {number}"), NOON - number * SECOND)
    assert [one.name for one in fire_due(3, now=NOON)] == ["tidy 4", "tidy 3", "tidy 2"]
    assert [one.name for one in fire_due(now=NOON)] == ["tidy 1", "tidy 0"]


def test_more_than_one_transaction_takes(monkeypatch):
    monkeypatch.setattr(firing, "BATCH", 2)
    for number in range(5):
        awaiting(made(name=f"tidy {number}"), NOON)
    assert len(fire_due(now=NOON)) == 5 and Job.objects.count() == 5


def test_the_clock_is_the_databases():
    schedule = made(schedule_interval=MINUTELY)
    awaiting(schedule, timezone.now().replace(second=0, microsecond=0) - MINUTE)
    [fired] = fire_due()
    schedule.refresh_from_db()
    assert fired.jobs and schedule.next_run_at > timezone.now()


def test_how_long_until_the_next_is_due():
    assert seconds_until_due() is None
    made(schedule_interval={"type": "manual"})
    assert seconds_until_due() is None
    made(name="later", schedule_interval={"type": "timedelta", "seconds": 500})
    sooner = made(name="sooner", schedule_interval={"type": "timedelta", "seconds": 100})
    with CaptureQueriesContext(connection) as queries:
        assert 90 < seconds_until_due() <= 100
    assert len(queries) == 1
    awaiting(sooner, timezone.now() - HOUR)
    assert seconds_until_due() < -3590


def test_a_preview_is_what_is_fired():
    interval = {"type": "cron", "expression": "*/7 3-20 * * *", "timezone": "Europe/London"}
    schedule = made(schedule_interval=interval, ends_at=timezone.now() + timedelta(days=9))
    previewed = schedules.upcoming(schedule, 40)
    assert previewed == schedules.preview(interval, ends_at=schedule.ends_at, count=40)
    for moment in previewed:
        fire_due(now=moment)
    assert fired_times(schedule) == previewed


def test_jobs_are_told_to_the_workers(django_capture_on_commit_callbacks, monkeypatch):
    sent = []
    monkeypatch.setattr("jobs.announce._notify", lambda messages, using: sent.extend(messages))
    awaiting(made(queue="tidying", priority=3), NOON)
    with django_capture_on_commit_callbacks(execute=True):
        fire_due(now=NOON)
    assert [message.rsplit(":", 1)[0] for message in sent] == ["tidying:3"]


def test_a_cancelled_job_is_one_that_is_done():
    schedule = awaiting(made(overlap="skip"), NOON)
    fire_due(now=NOON)
    control.cancel(Job.objects.get().pk, None)
    fire_due(now=NOON + HOUR)
    assert len(fired_times(schedule)) == 2


def test_a_user_who_is_deleted_takes_the_schedules_along():
    user = UserFactory()
    made(user)
    user.delete()
    assert not Schedule.objects.exists()
