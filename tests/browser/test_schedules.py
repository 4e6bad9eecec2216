"""An operator, in a real browser, makes schedules and keeps them."""

import os
import re
from pathlib import Path

import pytest
from django.utils.timezone import now
from playwright.sync_api import expect

from jobs import schedules
from jobs.models import Job, Schedule
from tests.browser.test_pictures import shoot
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")
TO = Path(KEPT) if KEPT else None
WEEKDAYS = {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "Asia/Tokyo"}


def make(name="morning report", interval=WEEKDAYS, **fields):
    return schedules.create(
        None, name=name, job_type="summarize", schedule_interval=interval, payload={"content": "駅伝"}, **fields
    )


def go(console, path):
    console.goto(re.sub(r"/admin/.*", f"/admin/jobs/schedule/{path}", console.url))


def test_times_are_shown_while_one_types_and_the_schedule_is_made(console):
    console.get_by_role("link", name="Schedules", exact=True).click()
    console.get_by_role("link", name="Make a schedule").click()
    preview = console.locator("#preview .shown")
    console.get_by_label("Name").fill("morning report")
    console.get_by_label("Job type").select_option("summarize")
    console.get_by_label("Cron expression").fill("0 9 * * 1-5")
    expect(preview).to_contain_text("At 09:00 on Monday through Friday (UTC)")
    console.get_by_label("Time zone").fill("Asia/Tokyo")
    expect(preview).to_contain_text("At 09:00 on Monday through Friday (Asia/Tokyo)")
    expect(preview.locator("tbody tr")).to_have_count(10)
    expect(preview.locator("tbody tr").first).to_contain_text("00:00")
    shoot(console, "schedule-add-1280", TO)
    console.get_by_label("Cron expression").fill("0 9 * *")
    expect(preview.locator(".errorlist")).to_contain_text("is no cron expression")
    console.get_by_label("At equal distances").check()
    expect(console.get_by_label("Cron expression")).to_be_hidden()
    console.get_by_label("Seconds").fill("90")
    expect(preview).to_contain_text("Every 1 minute 30 seconds")
    console.get_by_label("By the clock").check()
    console.get_by_label("Cron expression").fill("0 9 * * 1-5")
    console.get_by_label("Payload").fill('{"content": 5}')
    console.get_by_role("button", name="Save").click()
    expect(console.locator(".field-payload .errorlist")).to_contain_text("/content")
    shoot(console, "schedule-wrong-1280", TO)
    console.get_by_label("Payload").fill('{"content": "駅伝"}')
    console.get_by_role("button", name="Save").click()
    expect(console.locator(".messagelist")).to_contain_text("“morning report” is made")
    assert Schedule.objects.get().schedule_interval == WEEKDAYS
    shoot(console, "schedule-1280", TO)


def test_two_operators_edit_at_once(console):
    schedule = make()
    go(console, f"{schedule.pk}/edit/")
    console.get_by_label("Description").fill("For the night desk.")
    kei = UserFactory(user_id="kei.mori")
    schedules.change(schedule.pk, kei, reason="too early", schedule_interval={**WEEKDAYS, "expression": "30 10 * * *"})
    console.get_by_role("button", name="Save").click()
    told = console.get_by_role("alert")
    expect(told).to_contain_text("kei.mori")
    expect(told).to_contain_text("too early")
    expect(told).to_contain_text("At 10:30 every day (Asia/Tokyo)")
    expect(console.get_by_label("Description")).to_have_value("For the night desk.")
    shoot(console, "schedule-faster-1280", TO)
    console.get_by_label("Cron expression").fill("30 10 * * *")
    console.get_by_role("button", name="Save").click()
    expect(console.locator(".messagelist")).to_contain_text("is changed")
    schedule.refresh_from_db()
    assert (schedule.description, schedule.schedule_interval["expression"]) == ("For the night desk.", "30 10 * * *")


@pytest.mark.browser_context_args(
    java_script_enabled=False, viewport={"width": 390, "height": 844}, color_scheme="dark"
)
def test_it_all_works_without_javascript(console):
    schedule = make()
    go(console, f"{schedule.pk}/edit/")
    console.get_by_label("Cron expression").fill("30 7 1 * *")
    console.get_by_role("button", name="Preview").click()
    expect(console.locator("#preview")).to_contain_text("At 07:30 on the first day of every month (Asia/Tokyo)")
    if TO:
        console.screenshot(path=TO / "schedule-edit-390.png", full_page=True)
    console.get_by_role("button", name="Save").click()
    console.get_by_role("link", name="Run now…").click()
    console.get_by_label("Reason").fill("the mail was lost")
    console.get_by_role("button", name="Run now").click()
    expect(console.locator("#latest tbody tr")).to_have_count(1)
    if TO:
        console.screenshot(path=TO / "schedule-390.png", full_page=True)
    console.get_by_role("link", name=str(Job.objects.get().pk)).first.click()
    expect(console.locator(".facts")).to_contain_text("morning report, run by hand")
    go(console, f"{schedule.pk}/delete/")
    console.get_by_role("button", name="Delete").click()
    console.get_by_role("link", name="Restore…").click()
    console.get_by_role("button", name="Restore").click()
    expect(console.locator("#schedule .state .badge")).to_have_text("active")


def test_what_went_wrong_is_loud_and_everything_fits(console):
    make()
    make("prices", {"type": "timedelta", "seconds": 90}, misfire="all", overlap="skip")
    make("month's end", {"type": "cron", "expression": "0 18 L * *", "timezone": "Europe/Berlin"}, is_active=False)
    make("by hand", {"type": "manual"})
    failing = make("thumbnails", {"type": "cron", "expression": "*/5 * * * *"})
    Schedule.objects.filter(pk=failing.pk).update(
        last_error="There is no function 'node-thumbnail'.", last_run_at=now()
    )
    schedules.run_now(Schedule.objects.get(name="prices").pk, None)
    for width, scheme in ((1280, "light"), (390, "dark")):
        console.emulate_media(color_scheme=scheme)
        console.set_viewport_size({"width": width, "height": 800})
        go(console, "")
        shoot(console, f"schedules-{scheme}-{width}", TO)
        expect(console.locator("#result_list .loud")).to_contain_text("There is no function")
        go(console, f"{failing.pk}/change/")
        expect(console.get_by_role("alert")).to_contain_text("There is no function")
        shoot(console, f"schedule-failing-{scheme}-{width}", TO)
    console.set_viewport_size({"width": 1280, "height": 800})
    console.get_by_role("link", name="Home", exact=True).click()
    attention = console.locator("section", has=console.get_by_role("heading", name="Wants attention"))
    expect(attention).to_contain_text("There is no function")
    attention.get_by_role("link", name="thumbnails").click()
    expect(console.get_by_role("alert")).to_contain_text("There is no function")
