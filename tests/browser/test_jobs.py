"""An operator finds a job, looks at what it went through, and submits it again with another payload."""

import os
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from jobs.decorators import job
from jobs.models import AuditEntry, Job
from jobs.registry import registry
from tests.browser import scene
from tests.browser.test_pictures import shoot
from tests.browser.working import working
from tests.jobs.rows import fail, new_job

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")


def kept(name):
    to = Path(KEPT) / name if KEPT else None
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    return to


@pytest.fixture
def reader():
    """A handler that reads pages: two wrong ones in a row and then it is told the right one."""
    go_on = threading.Event()

    @job("read_pages")
    def read_pages(ctx, first: int, last: int):
        if first > last:
            raise ValueError(f"page {first} is behind page {last}")
        ctx.log.info("opened the book at page %s", first)
        ctx.progress(40, "reading")
        ctx.task("count", lambda: last - first + 1)
        ctx.log.warning("the last pages stick together, password=hunter2")
        go_on.wait(30)
        return {"pages": last - first + 1}

    yield go_on
    go_on.set()
    registry.remove("read_pages")


@pytest.fixture
def worker():
    """A worker of its own thread, which the test begins."""
    with working(maintenance=False) as thread:
        yield thread


def test_a_failed_job_is_found_looked_at_and_cloned_with_another_payload(console, operator, reader, worker):
    to = kept("light-1280")
    scene.build(operator)
    broken = new_job("read_pages", payload={"first": 9, "last": 3}, tags=["book"], user=operator, max_retries=1)
    for _number in range(2):
        broken = fail(broken, "ValueError", "page 9 is behind page 3", seconds=0.4, worker="relay-7:1:browser")
    console.get_by_role("link", name="Jobs", exact=True).first.click()
    rows = console.locator("#result_list tbody tr")
    console.get_by_role("navigation", name="Status").get_by_role("link", name="Dead letter").click()
    expect(console.get_by_role("navigation", name="Status").locator("[aria-current]")).to_contain_text("Dead letter")
    shoot(console, "jobs-dead-letters", to)
    console.locator("#job-filters").get_by_label("Type").select_option("read_pages")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("page 9 is behind page 3")
    rows.first.get_by_role("link").click()
    expect(console.get_by_role("img", name="stretches in")).to_be_visible()
    shoot(console, "job-dead", to)
    console.get_by_text("The same as a table").click()
    expect(console.get_by_role("cell", name="Attempt 1 failed")).to_be_visible()
    console.get_by_role("link", name="Clone…").click()
    payload = console.get_by_label("Payload")
    payload.fill('{"first": "nine", "last": 12}')
    shoot(console, "clone-edit", to)
    console.get_by_role("button", name="Show what is changed").click()
    expect(console.locator(".errorlist")).to_contain_text("/first")
    console.get_by_label("Payload").fill('{"first": 9, "last": 12}')
    console.get_by_label("Reason").fill("The last page was mistyped.")
    console.get_by_role("button", name="Show what is changed").click()
    expect(console.locator("#diff .added").last).to_contain_text('"last": 12')
    shoot(console, "clone-diff", to)
    console.get_by_role("button", name="Submit the clone").click()
    expect(console.locator(".messagelist")).to_contain_text("The clone is submitted")
    clone = Job.objects.get(job_type="read_pages", status="pending")
    assert (clone.payload, clone.tags, clone.user, clone.max_retries) == (
        {"first": 9, "last": 12},
        ["book"],
        operator,
        1,
    )
    assert AuditEntry.objects.get(target_id=str(clone.pk), action="clone").reason == "The last page was mistyped."
    expect(console.get_by_text("Cloned from")).to_be_visible()
    worker.start()
    head, logs = console.locator("#job-head"), console.locator("#logs")
    expect(head.locator(".badge").first).to_have_text("processing", timeout=20_000)
    expect(logs).to_contain_text("opened the book at page 9", timeout=20_000)
    expect(logs).to_contain_text("password=[redacted]")
    expect(console.locator("#job-time")).to_contain_text("reading")
    shoot(console, "job-running-live", to)
    reader.set()
    expect(head.locator(".badge").first).to_have_text("completed", timeout=20_000)
    expect(console.locator("#job-result")).to_contain_text('"pages": 4')
    expect(console.locator("[data-live]#job-head")).to_have_count(0)
    shoot(console, "job-cloned-done", to)


@pytest.mark.browser_context_args(
    java_script_enabled=False, viewport={"width": 360, "height": 800}, color_scheme="dark"
)
def test_lists_and_acts_work_without_javascript(console, operator):
    to = kept("dark-360")
    for number in range(60):
        new_job(payload={"n": number}, tags=["nightly"])
    console.goto(console.url.replace("/admin/", "/admin/jobs/job/"))
    first = console.locator("#result_list tbody tr").first.inner_text()
    console.get_by_role("link", name="Older").click()
    expect(console.locator("#result_list tbody tr")).to_have_count(10)
    console.get_by_role("link", name="Newer").click()
    assert console.locator("#result_list tbody tr").first.inner_text().split()[:1] == first.split()[:1]
    if to:
        console.screenshot(path=to / "jobs-list.png", full_page=True)
    console.locator("summary", has_text="Columns").click()
    console.get_by_label("Owner").uncheck()
    console.get_by_label("Due").check()
    console.get_by_role("button", name="Show these").click()
    heads = console.locator("#result_list thead")
    expect(heads).to_contain_text("Due")
    expect(heads).not_to_contain_text("Owner")
    console.get_by_role("link", name="Pending").click()
    expect(heads).to_contain_text("Due")
    console.locator("#result_list tbody tr").first.get_by_role("link").click()
    if to:
        console.screenshot(path=to / "job-pending.png", full_page=True)
    console.get_by_role("link", name="Move to another queue…").click()
    console.get_by_label("Queue").fill("imports")
    console.get_by_role("button", name="Move to another queue").click()
    expect(console.locator(".messagelist")).to_contain_text("The job is in the other queue.")
    assert Job.objects.get(queue="imports").status == "pending"
