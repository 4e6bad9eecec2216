from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from jobs import schedules
from jobs.exceptions import (
    InvalidOption,
    InvalidSchedule,
    InvalidState,
    LanguageNotAllowed,
    ScheduleExists,
    StaleVersion,
    UnknownJobType,
)
from jobs.languages import QUEUE_PREFIX
from jobs.models import AuditEntry, Job, Schedule
from tests.factories import UserFactory
from tests.jobs.scheduling.rows import DAILY, HOURLY, awaiting, made
from tests.jobs.states import beside, wait_until_someone_waits

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("note")]


def audited(schedule: Schedule) -> list[str]:
    return list(AuditEntry.objects.filter(target_id=str(schedule.pk)).order_by("id").values_list("action", flat=True))


def in_code(**fields) -> Schedule:
    schedule = made(source="code", **fields)
    Schedule.objects.filter(pk=schedule.pk).update(editable=False)
    return schedule


def test_a_new_schedule_has_what_its_job_type_has_and_a_time_to_come(register, actor):
    register("tidy", lambda ctx: None, queue="tidying", priority=8, max_retries=9)
    schedule = schedules.create(actor, name="tidy up", job_type="tidy", schedule_interval=HOURLY)
    assert (schedule.queue, schedule.priority, schedule.max_retries) == ("tidying", 8, 9)
    assert (schedule.user, schedule.source, schedule.is_active, schedule.version) == (actor, "api", True, 1)
    assert (schedule.misfire, schedule.misfire_cap, schedule.overlap) == ("latest", 10, "allow")
    assert timedelta(minutes=59) < schedule.next_run_at - timezone.now() <= timedelta(hours=1)
    entry = AuditEntry.objects.get(target_id=str(schedule.pk))
    assert (entry.action, entry.actor, entry.target_type, entry.details["after"]["name"]) == (
        "create",
        actor,
        "schedule",
        "tidy up",
    )


def test_the_system_has_schedules_made_by_somebody(actor):
    schedule = schedules.create(None, name="x", job_type="note", schedule_interval=DAILY, actor=actor, source="admin")
    assert schedule.user is None and AuditEntry.objects.get(target_id=str(schedule.pk)).actor == actor


def test_a_manual_one_and_one_that_is_switched_off_await_nothing():
    assert made(schedule_interval={"type": "manual"}).next_run_at is None
    assert made(name="off", is_active=False).next_run_at is None


def test_it_does_not_start_before_its_start():
    start = datetime(2031, 5, 6, 9, tzinfo=UTC)
    assert made(starts_at=start, schedule_interval=DAILY).next_run_at == start
    assert made(
        name="b", starts_at=start + timedelta(seconds=1), schedule_interval=DAILY
    ).next_run_at == start + timedelta(days=1)
    assert made(name="c", starts_at=start).next_run_at == start
    counted = made(name="d", starts_at=timezone.now() - timedelta(minutes=90))
    assert timedelta(minutes=29) < counted.next_run_at - timezone.now() < timedelta(minutes=31)


PAST = datetime(2020, 1, 1, tzinfo=UTC)
WRONG = {
    "name": [{"name": ""}, {"name": "   "}, {"name": "x" * 256}, {"name": 5}, {"name": "a\x00"}],
    "description": [{"description": "x" * 2_001}, {"description": None}],
    "job_type": [{"job_type": "gone"}, {"job_type": ""}, {"job_type": ["note"]}],
    "schedule_interval": [{"schedule_interval": "0 9 * * *"}],
    "schedule_interval/expression": [{"schedule_interval": {"type": "cron", "expression": "x"}}],
    "payload": [{"payload": []}, {"payload": {"a": float("nan")}}],
    "queue": [{"queue": "../x"}, {"queue": f"{QUEUE_PREFIX}node"}],
    "priority": [{"priority": 101}, {"priority": "5"}],
    "max_retries": [{"max_retries": -1}, {"max_retries": None}],
    "is_active": [{"is_active": "yes"}],
    "starts_at": [
        {"starts_at": "2031-01-01"},
        {"starts_at": datetime(2031, 1, 1)},
        {"starts_at": datetime(1999, 1, 1, tzinfo=UTC)},
    ],
    "ends_at": [
        {"ends_at": datetime(2200, 1, 1, tzinfo=UTC)},
        {"ends_at": PAST},
        {"starts_at": datetime(2031, 1, 1, tzinfo=UTC), "ends_at": datetime(2031, 1, 1, tzinfo=UTC)},
    ],
    "misfire": [{"misfire": "never"}, {"misfire": ["skip"]}],
    "misfire_cap": [{"misfire_cap": 0}, {"misfire_cap": 1_001}, {"misfire_cap": True}],
    "overlap": [{"overlap": "kill"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "fields"), [(name, fields) for name, cases in WRONG.items() for fields in cases], ids=str
)
def test_what_is_wrong_is_named_and_nothing_is_written(pointer, fields):
    with pytest.raises(InvalidSchedule) as caught:
        made(**fields)
    assert [v.pointer.removesuffix("/a") for v in caught.value.violations] == [f"/{pointer}"]
    schedule = made()
    before = Schedule.objects.filter(pk=schedule.pk).values().get()
    with pytest.raises(InvalidSchedule):
        schedules.change(schedule.pk, None, **fields)
    assert Schedule.objects.filter(pk=schedule.pk).values().get() == before


def test_the_payload_must_fit_the_job_type(register):
    def tidy(ctx, room: int) -> None: ...

    register("tidy", tidy)
    with pytest.raises(InvalidSchedule) as caught:
        made(job_type="tidy", payload={"room": "five"})
    assert [v.pointer for v in caught.value.violations] == ["/payload/room"]


def test_everything_wrong_is_named_at_once():
    with pytest.raises(InvalidSchedule) as caught:
        made(name="", priority=-1, misfire="x", schedule_interval={})
    assert len(caught.value.violations) == 4


def test_what_it_has_no_field_for_is_refused():
    with pytest.raises(InvalidOption, match="next_run_at"):
        made(next_run_at=timezone.now())
    with pytest.raises(InvalidOption, match="user"):
        schedules.change(made().pk, None, user=None)


def test_a_name_is_taken_once_by_each_owner(actor):
    made(actor), made(UserFactory()), made()
    for owner in (actor, None):
        with pytest.raises(ScheduleExists, match="tidy"):
            made(owner)
    other = made(actor, name="other")
    with pytest.raises(ScheduleExists):
        schedules.change(other.pk, actor, name="tidy")


def test_the_owner_may_use_the_language(actor):
    actor.allowed_languages = ["node"]
    actor.save()
    with pytest.raises(LanguageNotAllowed):
        made(actor)
    schedule = made()
    Schedule.objects.filter(pk=schedule.pk).update(user=actor)
    with pytest.raises(LanguageNotAllowed):
        schedules.run_now(schedule.pk, None)
    with pytest.raises(LanguageNotAllowed):
        schedules.change(schedule.pk, None, priority=9)


def test_a_change_is_audited_and_raises_the_version(actor):
    schedule = made(actor)
    changed = schedules.change(schedule.pk, actor, reason="too often", priority=9, payload={"a": 1})
    assert (changed.priority, changed.payload, changed.version) == (9, {"a": 1}, 2)
    assert changed.next_run_at == schedule.next_run_at, "only what decides about its times retimes it"
    entry = AuditEntry.objects.filter(target_id=str(schedule.pk)).latest("id")
    assert (entry.action, entry.reason) == ("change", "too often")
    assert entry.details == {"before": {"priority": 5, "payload": {}}, "after": {"priority": 9, "payload": {"a": 1}}}


def test_a_change_to_what_it_is_already_changes_nothing(actor):
    schedule = made(actor, payload={"a": 1})
    same = schedules.change(
        schedule.pk, actor, payload={"a": 1}, schedule_interval=dict(HOURLY), name="tidy", is_active=True
    )
    assert (same.version, same.next_run_at) == (1, schedule.next_run_at) and audited(schedule) == ["create"]
    # To Python these are equal.
    assert schedules.change(schedule.pk, actor, payload={"a": True}).payload == {"a": True}


def test_of_two_editors_the_second_is_told(actor):
    schedule = made(actor)
    schedules.change(schedule.pk, actor, expected_version=1, priority=9)
    for act in (
        lambda: schedules.change(schedule.pk, actor, expected_version=1, priority=1),
        lambda: schedules.soft_delete(schedule.pk, actor, expected_version=1),
    ):
        with pytest.raises(StaleVersion) as caught:
            act()
        assert caught.value.current == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_at_the_same_moment_the_second_is_told(actor):
    from django.db import transaction

    schedule = made(actor)
    with transaction.atomic():
        schedules.change(schedule.pk, actor, expected_version=1, priority=9)
        second = beside(lambda: schedules.change(schedule.pk, actor, expected_version=1, priority=1))
        wait_until_someone_waits()
    with pytest.raises(StaleVersion):
        second()
    schedule.refresh_from_db()
    assert schedule.priority == 9


RETIMINGS = [
    {"schedule_interval": {"type": "timedelta", "seconds": 7200}},
    {"schedule_interval": {"type": "cron", "expression": "* * * * * *"}},
    {"starts_at": PAST},
    {"ends_at": datetime(2199, 1, 1, tzinfo=UTC)},
]


@pytest.mark.parametrize("changes", RETIMINGS, ids=str)
def test_retiming_never_fires_the_past(changes):
    schedule = awaiting(made(), timezone.now() - timedelta(days=3))
    before = timezone.now() - timedelta(seconds=1)
    assert schedules.change(schedule.pk, None, **changes).next_run_at > before
    schedule = awaiting(schedule, timezone.now() - timedelta(days=3))
    schedules.change(schedule.pk, None, is_active=False)
    schedule.refresh_from_db()
    assert schedule.next_run_at is None
    assert schedules.change(schedule.pk, None, is_active=True).next_run_at > before
    assert not Job.objects.exists()


def test_what_is_broken_can_be_switched_off_but_not_changed_otherwise():
    schedule = made()
    Schedule.objects.filter(pk=schedule.pk).update(job_type="gone", last_error="No handler")
    with pytest.raises(InvalidSchedule):
        schedules.change(schedule.pk, None, priority=9)
    changed = schedules.change(schedule.pk, None, is_active=False)
    assert not changed.is_active and changed.last_error == ""
    with pytest.raises(InvalidSchedule):
        schedules.change(schedule.pk, None, is_active=True)
    with pytest.raises(UnknownJobType):
        schedules.run_now(schedule.pk, None)


def test_what_is_over_cannot_be_switched_on():
    schedule = made(is_active=False, ends_at=PAST)
    with pytest.raises(InvalidSchedule) as caught:
        schedules.change(schedule.pk, None, is_active=True)
    assert caught.value.violations[0].pointer == "/ends_at"


def test_it_is_run_at_once_whatever_its_times_are(actor):
    schedule = made(actor, payload={"a": 1}, schedule_interval={"type": "manual"}, is_active=False, overlap="skip")
    first, second = (schedules.run_now(schedule.pk, actor, "look") for _ in range(2))
    job = Job.objects.get(pk=first.id)
    assert first.id != second.id and (job.schedule_id, job.scheduled_for, job.user) == (schedule.pk, None, actor)
    schedule.refresh_from_db()
    assert (schedule.last_job, schedule.next_run_at, schedule.version) == (second.id, None, 1)
    entry = AuditEntry.objects.filter(target_id=str(schedule.pk)).latest("id")
    assert (entry.action, entry.reason, entry.details) == ("run", "look", {"job": str(second.id)})


def test_what_is_deleted_is_gone_and_comes_back(actor):
    schedule = awaiting(made(actor), timezone.now() - timedelta(days=1))
    schedules.soft_delete(schedule.pk, actor, "no more")
    assert schedules.fire_due() == []
    for act in (schedules.run_now, schedules.change, schedules.soft_delete):
        with pytest.raises(Schedule.DoesNotExist):
            act(schedule.pk, actor)
    assert schedules.restore(schedule.pk, actor).next_run_at > timezone.now()
    assert schedules.restore(schedule.pk, actor).version == 3, "restoring what is there changes nothing"
    assert audited(schedule) == ["create", "delete", "restore"] and not Job.objects.exists()


def test_it_does_not_come_back_to_a_name_that_is_taken():
    schedule = made()
    schedules.soft_delete(schedule.pk, None)
    made()
    with pytest.raises(ScheduleExists):
        schedules.restore(schedule.pk, None)


@pytest.mark.parametrize("broken", [{"job_type": "gone"}, {"ends_at": PAST}], ids=str)
def test_what_could_not_be_made_any_more_comes_back_switched_off(broken):
    schedule = made()
    schedules.soft_delete(schedule.pk, None)
    Schedule.objects.filter(pk=schedule.pk).update(**broken)
    restored = schedules.restore(schedule.pk, None)
    assert not restored.is_deleted and not restored.is_active and restored.next_run_at is None


def test_of_a_schedule_in_code_people_only_switch_it_off_and_on(actor):
    schedule = in_code()
    for act in (
        lambda: schedules.change(schedule.pk, actor, priority=9),
        lambda: schedules.soft_delete(schedule.pk, actor),
    ):
        with pytest.raises(InvalidState, match="defined in code"):
            act()
    assert schedules.change(schedule.pk, actor, is_active=False).next_run_at is None
    assert schedules.change(schedule.pk, actor, is_active=True).next_run_at > timezone.now()
    assert schedules.run_now(schedule.pk, actor).created
    schedule.refresh_from_db()
    assert schedule.edited_at is None


def test_an_editable_one_in_code_says_that_it_was_edited(actor):
    schedule = in_code()
    Schedule.objects.update(editable=True)
    assert schedules.change(schedule.pk, actor, priority=9).edited_at is not None


def test_the_preview_of_what_is_not_made_yet():
    start = datetime(2031, 5, 6, tzinfo=UTC)
    times = schedules.preview(DAILY, starts_at=start, ends_at=start + timedelta(days=2), count=10)
    assert times == [start + timedelta(hours=9), start + timedelta(hours=33)]
    assert schedules.preview({"type": "manual"}) == []
    with pytest.raises(InvalidSchedule):
        schedules.preview({"type": "cron", "expression": "x"})


def test_the_preview_of_one_that_is_switched_off():
    schedule = made(is_active=False, schedule_interval=DAILY)
    assert schedules.upcoming(schedule, 3) == schedules.preview(DAILY, count=3)
