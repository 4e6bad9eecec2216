import json
from datetime import timedelta

import pytest
from django.utils.timezone import now

from jobs import schedules
from jobs.models import AuditEntry, Job, Schedule
from tests.factories import UserFactory
from tests.jobs.rows import fail, finish, new_job

LIST = "/admin/jobs/schedule/"
WEEKDAYS = {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "Asia/Tokyo"}
IN_WORDS = "At 09:00 on Monday through Friday (Asia/Tokyo)"
FORM = {
    "name": "morning report",
    "description": "For the desk.",
    "job_type": "summarize",
    "payload": '{"content": "good morning"}',
    "kind": "cron",
    "expression": "0 9 * * 1-5",
    "timezone": "Asia/Tokyo",
    "seconds": "",
    "starts_at": "",
    "ends_at": "",
    "misfire": "latest",
    "misfire_cap": "10",
    "overlap": "skip",
    "queue": "",
    "priority": "",
    "max_retries": "",
    "is_active": "on",
}


@pytest.fixture
def made(operator):
    response = operator.post(f"{LIST}add/", FORM)
    assert response.status_code == 302, response.content.decode()
    return Schedule.objects.get(name="morning report")


def address(schedule, act="change"):
    return f"{LIST}{schedule.pk}/{act}/"


def edit(client, schedule, **changes):
    form = {**FORM, "expected_version": schedule.version, "reason": "", **changes}
    return client.post(address(schedule, "edit"), form, follow=True).content.decode()


def test_a_schedule_is_made(operator, made):
    assert (made.schedule_interval, made.payload) == (WEEKDAYS, {"content": "good morning"})
    assert (made.source, made.user, made.overlap, made.queue) == ("admin", None, "skip", "default")
    page = operator.get(address(made)).content.decode()
    for words in ("morning report", IN_WORDS, "09:00</td>", "good morning", "nobody in particular", "made"):
        assert words in page
    assert AuditEntry.objects.get(target_id=str(made.pk)).actor_name == "operator-1"


def test_it_may_belong_to_a_user(operator):
    mei = UserFactory(user_id="mei")
    operator.post(f"{LIST}add/", {**FORM, "owner": "mei"})
    assert Schedule.objects.get().user == mei
    assert "There is no such user." in operator.post(f"{LIST}add/", {**FORM, "owner": "kei"}).content.decode()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": ""}, "required"),
        ({"job_type": "no_such"}, "not one of the available choices"),
        ({"payload": "{"}, "This is not JSON"),
        ({"payload": '{"content": 5}'}, "/content: "),
        ({"expression": "0 9 * *"}, "is no cron expression"),
        ({"expression": ""}, "must be a text of 1 to 200 characters"),
        ({"timezone": "Asia/Edo"}, "must be the name of a time zone"),
        ({"kind": "timedelta", "seconds": "0"}, "must be a number from 1"),
        ({"kind": "timedelta", "seconds": ""}, "must be a number from 1"),
        ({"kind": "lunar"}, "not one of the available choices"),
        ({"ends_at": "2001-01-01T00:00:00"}, "leaves no time to come"),
        ({"starts_at": "soon"}, "Enter a valid date/time"),
        ({"queue": "a b"}, "must be 1 to 64 letters"),
        ({"misfire_cap": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(operator, changes, complaint):
    response = operator.post(f"{LIST}add/", {**FORM, **changes})
    text = response.content.decode()
    assert response.status_code == 200 and complaint in text and "errorlist" in text
    assert not Schedule.objects.exists()


def test_a_name_that_is_taken(operator, made):
    assert "There is a schedule" in operator.post(f"{LIST}add/", FORM).content.decode()


def test_the_button_shows_the_next_times_and_saves_nothing(operator):
    text = operator.post(f"{LIST}add/", {**FORM, "preview": "yes"}).content.decode()
    assert IN_WORDS in text and text.count("09:00</td>") == 10 and 'value="0 9 * * 1-5"' in text
    assert not Schedule.objects.exists()
    wrong = operator.post(f"{LIST}add/", {**FORM, "expression": "x", "preview": "yes"}).content.decode()
    assert "is no cron expression" in wrong.split('id="preview"')[1]


def test_the_preview_as_json(viewer):
    fields = {name: FORM[name] for name in ("kind", "expression", "timezone", "seconds", "starts_at", "ends_at")}
    found = json.loads(viewer.get(f"{LIST}preview/", fields).content)
    assert (found["words"], found["zone"], found["errors"]) == (IN_WORDS, "Asia/Tokyo", {})
    assert len(found["times"]) == 10
    assert all(time["utc"].endswith(" 00:00") and time["local"].endswith(" 09:00") for time in found["times"])
    ending = (now() + timedelta(seconds=100)).strftime("%Y-%m-%dT%H:%M:%S")
    few = viewer.get(f"{LIST}preview/", {"kind": "timedelta", "seconds": "40", "ends_at": ending})
    assert len(json.loads(few.content)["times"]) == 2
    wrong = json.loads(viewer.get(f"{LIST}preview/", {**fields, "timezone": "Asia/Edo"}).content)
    assert list(wrong["errors"]) == ["timezone"] and not wrong["times"]
    assert list(json.loads(viewer.get(f"{LIST}preview/").content)["errors"]) == ["kind"]


def test_fields_are_edited_with_a_reason(operator, made):
    form = operator.get(address(made, "edit")).content.decode()
    assert "good morning" in form and "Asia/Tokyo" in form and IN_WORDS in form
    text = edit(operator, made, kind="timedelta", seconds="90", priority="9", reason="more often")
    assert "is changed" in text and "Every 1 minute 30 seconds" in text and "more often" in text
    made.refresh_from_db()
    assert (made.schedule_interval, made.priority) == ({"type": "timedelta", "seconds": 90.0}, 9)
    details = AuditEntry.objects.get(action="change").details
    assert (details["before"]["priority"], details["after"]["priority"]) == (7, 9)


def test_the_second_editor_is_told_and_loses_nothing(operator, made):
    schedules.change(made.pk, UserFactory(user_id="kei"), reason="too early", description="Later.", priority=7)
    text = edit(operator, made, priority="9", description="Mine.", payload='{"content": "mine"}')
    assert "Somebody was faster" in text and "kei" in text and "too early" in text
    assert "Later." in text and ">7<" in text  # what is there now
    assert "Mine." in text and 'value="9"' in text and "mine&quot;" in text  # what was typed
    made.refresh_from_db()
    assert (made.priority, made.description) == (7, "Later.")
    # The page holds the new version: to save once more is a decision.
    assert "is changed" in edit(operator, made, priority="9", description="Mine.")
    made.refresh_from_db()
    assert (made.priority, made.description) == (9, "Mine.")


def test_one_that_was_deleted_meanwhile(operator, made):
    schedules.soft_delete(made.pk, None)
    text = edit(operator, made, description="Mine.")
    assert "deleted it meanwhile" in text and "Mine." in text


def act(client, schedule, name, reason=""):
    return client.post(address(schedule, name), {"reason": reason}, follow=True).content.decode()


def test_run_now_leads_to_the_job(operator, made):
    text = act(operator, made, "run", "the mail was lost")
    job = Job.objects.get(schedule=made)
    assert text.count(f"/admin/jobs/job/{job.pk}/change/") >= 3 and "by hand" in text
    assert AuditEntry.objects.get(action="run").reason == "the mail was lost"
    assert "morning report" in operator.get(f"/admin/jobs/job/{job.pk}/change/").content.decode()
    assert str(job.pk) in operator.get(f"/admin/jobs/job/?schedule={made.pk}").content.decode()
    assert str(job.pk) not in operator.get("/admin/jobs/job/?schedule=x").content.decode()


def test_pausing_resuming_deleting_restoring(operator, made):
    assert "is paused" in act(operator, made, "pause", "holidays")
    assert not Schedule.objects.get().is_active
    page = operator.get(address(made)).content.decode()
    assert "Resume…" in page and "Pause…" not in page and "if it were active" in page
    assert "is active" in act(operator, made, "resume")
    assert "is deleted" in act(operator, made, "delete", "no longer")
    page = operator.get(address(made)).content.decode()
    assert "Restore…" in page and not any(f"{label}…" in page for label in ("Edit", "Run now", "Pause", "Delete"))
    assert made.name not in operator.get(LIST).content.decode()
    assert made.name in operator.get(f"{LIST}?deleted=yes").content.decode()
    assert "is restored" in act(operator, made, "restore", "by mistake")
    acts = ["create", "change", "change", "delete", "restore"]
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == acts


def test_many_at_once(operator, made):
    operator.post(f"{LIST}add/", {**FORM, "name": "evening report"})
    ask = operator.get(f"{LIST}many/pause/?q=report")
    assert "2 schedules" in ask.content.decode() and "evening report" in ask.content.decode()
    upto = str(Schedule.objects.order_by("-id").first().pk)
    text = operator.post(f"{LIST}many/pause/?q=report", {"upto": upto, "reason": "x"}, follow=True).content.decode()
    assert "2 schedules done" in text and not Schedule.objects.filter(is_active=True).exists()


@pytest.mark.parametrize("editable", [True, False])
def test_one_that_the_code_defines(operator, made, editable):
    Schedule.objects.update(source="code", editable=editable)
    made.refresh_from_db()
    page = operator.get(address(made)).content.decode()
    assert ("Edit…" in page) is ("Delete…" in page) is editable
    assert ("defined in code, and changed there" in page) is not editable
    assert ("is changed" in edit(operator, made, priority="3")) is editable
    assert (Schedule.objects.get().priority == 3) is editable
    assert "is paused" in act(operator, made, "pause")


def test_what_went_wrong_is_loud(operator, made):
    Schedule.objects.update(last_error="There is no function 'summarize'.")
    for place in (LIST, f"{LIST}?state=failing", address(made), "/admin/"):
        text = operator.get(place).content.decode()
        assert "failing" in text, place
    assert "There is no function" in operator.get(address(made)).content.decode()
    assert 'class="loud">There is no function' in operator.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", True),
        ("?state=active", True),
        ("?state=paused", False),
        ("?state=failing", False),
        ("?state=ended", False),
        ("?state=perhaps", False),
        ("?type=summarize", True),
        ("?type=other", False),
        ("?source=admin", True),
        ("?source=code", False),
        ("?deleted=yes", False),
        ("?q=REPORT", True),
        ("?q=nothing", False),
    ],
)
def test_the_list_and_its_filters(operator, made, query, listed):
    text = operator.get(LIST + query).content.decode()
    assert (f"{LIST}{made.pk}/change/" in text) is listed


def test_an_interval_that_sql_has_put_there(operator, made):
    Schedule.objects.update(schedule_interval={"type": "lunar"})
    for place in (LIST, address(made)):
        response = operator.get(place)
        assert response.status_code == 200 and "must be cron, timedelta or manual" in response.content.decode(), place
    made.refresh_from_db()
    assert "is changed" in edit(operator, made)
    assert Schedule.objects.get().schedule_interval == WEEKDAYS


def test_viewers_look_only(viewer, operator, made):
    assert viewer.get(LIST).status_code == viewer.get(address(made)).status_code == 200
    assert "add/" not in viewer.get(LIST).content.decode()
    assert address(made, "run") not in viewer.get(address(made)).content.decode()
    acts = ("edit", "run", "skip-next", "backfill", "pause", "resume", "delete", "restore")
    places = [f"{LIST}add/", *(address(made, name) for name in acts)]
    for place in places:
        assert viewer.get(place).status_code == viewer.post(place, FORM).status_code == 403, place
    assert Schedule.objects.get().version == made.version and not Job.objects.exists()


def test_the_next_time_is_skipped_and_the_past_made_up_for(operator, made):
    page = operator.get(address(made, "skip-next"))
    assert made.next_run_at.strftime("%Y-%m-%d %H:%M:%S") in page.content.decode()
    seen = {"expected": page.context["form"]["expected"].value(), "reason": "a holiday"}
    assert "Its next time is skipped." in operator.post(address(made, "skip-next"), seen, follow=True).content.decode()
    assert "its next time is" in operator.post(address(made, "skip-next"), seen, follow=True).content.decode()
    skipped = Schedule.objects.get()
    assert skipped.next_run_at > made.next_run_at and skipped.skipped == 1
    # Three weekdays at nine in Tokyo.
    span = {"since": "2026-03-02T00:00:00", "until": "2026-03-04T00:00:00"}
    looked = operator.get(address(made, "backfill"), span).content.decode()
    assert "3 times have no job" in looked and "Make 3 jobs" in looked and not Job.objects.exists()
    text = operator.post(address(made, "backfill"), {**span, "reason": "late"}, follow=True).content.decode()
    assert "3 jobs are submitted." in text and Job.objects.count() == 3
    assert "There is nothing to make up for." in operator.get(address(made, "backfill"), span).content.decode()
    wrong = operator.get(address(made, "backfill"), {**span, "until": "2026-03-01T00:00:00"}).content.decode()
    assert "errorlist" in wrong and "Must not lie before the begin" in wrong


def test_the_list_and_the_page_show_what_became_of_its_runs(operator, made):
    jobs = [new_job(schedule_id=made.pk, scheduled_for=now() - timedelta(hours=hours)) for hours in (3, 2, 1)]
    finish(jobs[0])
    fail(jobs[1], retryable=False)
    for place in (LIST, address(made)):
        assert "Last 3 runs: 1 completed, 1 failed" in operator.get(place).content.decode()
    page = operator.get(address(made))
    hours = [hour for day in page.context["calendar"].days for hour in day.hours]
    assert sum(hour.runs.total() for hour in hours) == 3 and {hour.tone for hour in hours} >= {"good", "bad", "1"}
    # Weekdays at nine in Tokyo, of the seven days to come.
    ahead = [hour for hour in hours if hour.ahead]
    assert 5 <= len(ahead) <= 6 and all("09:00" in hour.name for hour in ahead)
    Schedule.objects.update(next_run_at=now() - timedelta(minutes=5))
    assert "late" in operator.get(address(made)).content.decode()
    listed = operator.get(LIST, {"state": "late"}).content.decode()
    assert made.name in listed and made.name not in operator.get(LIST, {"state": "ended"}).content.decode()
