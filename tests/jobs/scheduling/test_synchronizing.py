from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import schedules
from jobs.models import Schedule
from jobs.registry import registry
from jobs.scheduled import Scheduled
from jobs.scheduling.synchronizing import VANISHED, synchronize, synchronize_migrated
from tests.jobs.scheduling.rows import DAILY, awaiting

pytestmark = pytest.mark.django_db


def ring(ctx, times: int = 1) -> int:
    return times


def row(name: str = "ring") -> Schedule:
    return Schedule.objects.get(name=name)


def again(register, **options) -> None:
    """Let the code say something else."""
    registry.remove("ring")
    register("ring", ring, **options)


def test_a_schedule_of_the_code_gets_a_row(register):
    register("ring", ring, schedule="0 9 * * 1-5", queue="bells", priority=8, max_retries=1)
    assert synchronize().added == ["ring"]
    schedule = row()
    assert schedule.schedule_interval == {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "UTC"}
    assert (schedule.job_type, schedule.queue, schedule.priority, schedule.max_retries) == ("ring", "bells", 8, 1)
    assert (schedule.source, schedule.editable, schedule.user, schedule.is_active) == ("code", False, None, True)
    assert schedule.next_run_at > timezone.now()


def test_all_ways_to_say_it(register):
    start = datetime(2031, 1, 1, tzinfo=UTC)
    register(
        "ring", ring,
        schedule=[
            timedelta(minutes=5),
            Scheduled(
                "0 9 * * *", timezone="Asia/Tokyo", name="tokyo", description="Wake them", payload={"times": 3},
                queue="q", priority=9, max_retries=7, starts_at=start, ends_at=start + timedelta(days=9),
                misfire="all", misfire_cap=3, overlap="cancel", editable=True,
            ),
            Scheduled({"type": "manual"}, name="by hand"),
        ],
    )  # fmt: skip
    synchronize()
    assert row().schedule_interval == {"type": "timedelta", "seconds": 300}
    assert row("by hand").schedule_interval == {"type": "manual"} and row("by hand").is_active
    tokyo = Schedule.objects.filter(name="tokyo").values().get()
    expected = {
        "schedule_interval": {"type": "cron", "expression": "0 9 * * *", "timezone": "Asia/Tokyo"},
        "description": "Wake them", "payload": {"times": 3}, "queue": "q", "priority": 9, "max_retries": 7,
        "starts_at": start, "ends_at": start + timedelta(days=9), "next_run_at": start,
        "misfire": "all", "misfire_cap": 3, "overlap": "cancel", "editable": True,
    }  # fmt: skip
    assert {name: tokyo[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("every day", "schedule_interval/expression"),
        (timedelta(milliseconds=5), "schedule_interval/seconds"),
        ({"type": "lunar"}, "schedule_interval/type"),
        (Scheduled("@daily", payload={"times": "often"}), "payload/times"),
        (Scheduled("@daily", misfire="maybe"), "misfire"),
        (Scheduled("@daily", queue="../x"), "queue"),
        (["@daily", "@hourly"], "a name of its own"),
    ],
    ids=str,
)
def test_what_could_not_be_made_is_refused_at_import(register, schedule, why):
    with pytest.raises(TypeError, match=f"^ring: .*{why}"):
        register("ring", ring, schedule=schedule)
    assert "ring" not in registry


def test_a_name_is_given_once_in_all_the_code(register):
    register("ring", ring, schedule="@daily")
    with pytest.raises(ValueError, match="'ring' is defined twice"):
        register("chime", ring, schedule=Scheduled("@daily", name="ring"))
    assert "chime" not in registry


def test_without_differences_nothing_is_written(register):
    register("ring", ring, schedule=Scheduled("@daily", payload={"times": 3}))
    synchronize()
    before = Schedule.objects.values().get()
    with CaptureQueriesContext(connection) as queries:
        report = synchronize()
    assert not (report.added or report.changed or report.vanished or report.returned)
    assert Schedule.objects.values().get() == before
    assert not [query for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))]


def test_what_the_code_says_anew_is_taken_over_and_never_fires_the_past(register):
    register("ring", ring, schedule="@daily")
    synchronize()
    awaiting(row(), timezone.now() - timedelta(days=2))
    again(register, schedule=Scheduled(timedelta(hours=1), payload={"times": 2}))
    assert synchronize().changed == ["ring"]
    assert row().payload == {"times": 2} and row().next_run_at > timezone.now()
    assert row().version == 2


def test_another_payload_leaves_its_times_alone(register):
    register("ring", ring, schedule="@daily")
    synchronize()
    late = awaiting(row(), timezone.now() - timedelta(days=2)).next_run_at
    again(register, schedule=Scheduled("@daily", payload={"times": 2}))
    synchronize()
    assert row().next_run_at == late, "a deployment is no reason to forget what was missed"


def test_what_vanishes_is_switched_off_and_comes_back(register):
    register("ring", ring, schedule="@hourly")
    synchronize()
    again(register)
    assert synchronize().vanished == ["ring"]
    gone = row()
    assert (gone.is_active, gone.next_run_at, gone.last_error) == (False, None, VANISHED) and gone.vanished_at
    assert synchronize().vanished == []
    again(register, schedule="@hourly")
    assert synchronize().returned == ["ring"]
    back = row()
    assert (back.pk, back.is_active, back.last_error, back.vanished_at) == (gone.pk, True, "", None)
    assert back.next_run_at > timezone.now()


def test_what_a_person_switched_off_stays_off(register, actor):
    register("ring", ring, schedule="@hourly")
    synchronize()
    schedules.change(row().pk, actor, is_active=False)
    again(register, schedule="@daily")
    synchronize()
    assert not row().is_active and row().next_run_at is None and row().schedule_interval["expression"] == "@daily"
    again(register)
    synchronize()
    again(register, schedule="@daily")
    synchronize()
    assert not row().is_active


def test_what_a_person_edited_stays_as_long_as_it_is_editable(register, actor):
    register("ring", ring, schedule=Scheduled("@hourly", editable=True))
    synchronize()
    schedules.change(row().pk, actor, schedule_interval=DAILY, priority=9)
    again(register, schedule=Scheduled("@weekly", editable=True))
    assert synchronize().changed == []
    assert (row().schedule_interval, row().priority) == (DAILY, 9)
    again(register, schedule="@weekly")
    assert synchronize().changed == ["ring"]
    assert (row().schedule_interval["expression"], row().priority, row().edited_at) == ("@weekly", 5, None)


def test_what_a_person_deleted_stays_deleted(register, actor):
    register("ring", ring, schedule=Scheduled("@hourly", editable=True))
    synchronize()
    schedules.soft_delete(row().pk, actor)
    assert synchronize().added == [] and row().is_deleted


def test_what_was_over_goes_on_when_the_code_says_so(register):
    register("ring", ring, schedule=Scheduled("@hourly", ends_at=datetime(2020, 1, 1, tzinfo=UTC)))
    synchronize()
    assert not row().is_active
    again(register, schedule=Scheduled("@hourly", ends_at=datetime(2190, 1, 1, tzinfo=UTC)))
    synchronize()
    assert row().is_active and row().next_run_at > timezone.now()


def test_a_schedule_of_the_same_name_that_a_person_made_is_left_alone(register, actor, note, caplog):
    theirs = schedules.create(None, name="ring", job_type="note", schedule_interval=DAILY, actor=actor)
    register("ring", ring, schedule="@hourly")
    assert synchronize().taken == ["ring"]
    assert Schedule.objects.get().pk == theirs.pk and "ring" in caplog.text


def test_a_user_may_give_the_same_name(register, actor, note):
    schedules.create(actor, name="ring", job_type="note", schedule_interval=DAILY)
    register("ring", ring, schedule="@hourly")
    assert synchronize().added == ["ring"]


def test_migrate_does_it(register):
    register("ring", ring, schedule="@hourly")
    call_command("migrate", verbosity=0)
    assert row().is_active


def test_a_table_of_another_release_is_left_alone(register):
    register("ring", ring, schedule="@hourly")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_schedules RENAME COLUMN vanished_at TO gone_at")
    synchronize_migrated("default")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM job_schedules")
        assert cursor.fetchone() == (0,)
