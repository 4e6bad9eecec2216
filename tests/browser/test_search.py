"""An operator, in a real browser, finds jobs by queries."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils.timezone import now
from playwright.sync_api import expect

from jobs.models import Job, SavedSearch, SearchIndex, SearchRejection
from tests.browser import builds
from tests.browser.test_pictures import shoot
from tests.jobs.search.indexed import indexed  # noqa: F401 (a fixture)

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")
LINKER = "project_name:compiler* AND (linker OR metadata.cpuCores:>=8) NOT status:completed"


def pictures(name):
    to = Path(KEPT) / name if KEPT else None
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    return to


def go(console, path):
    console.goto(re.sub(r"/admin/.*", f"/admin/jobs/{path}", console.url))


def test_a_query_is_completed_answered_narrowed_and_kept(console, operator, indexed):  # noqa: F811
    to = pictures("light-1280")
    builds.build(operator)
    indexed.send()
    go(console, "job/")
    box = console.get_by_role("combobox", name="Search the jobs")
    offered = console.get_by_role("listbox", name="What may come here").get_by_role("option")
    found = console.locator("#result_list tbody tr")
    box.press_sequentially("proj")
    expect(offered.first).to_contain_text("project_name")
    shoot(console, "search-names", to)
    box.press("ArrowDown")
    expect(offered.first).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    expect(box).to_have_value("project_name:")
    expect(offered).to_have_count(4)
    box.press_sequentially("ker")
    expect(offered).to_have_count(1)
    offered.first.click()
    expect(box).to_have_value("project_name:kernel ")
    box.press("ArrowDown")
    expect(offered).not_to_have_count(0)
    box.press("Escape")
    expect(offered).to_have_count(0)
    box.press("Enter")
    expect(found).to_have_count(6)
    console.get_by_role("link", name="farm-2.osaka 2").click()
    expect(found).to_have_count(2)
    expect(box).to_have_value("project_name:kernel hostname:farm-2.osaka")
    console.get_by_role("link", name="project name: kernel").click()
    expect(found).to_have_count(8)
    console.locator(".saved summary").click()
    console.get_by_role("link", name="Save this one…").click()
    console.get_by_label("Name").fill("Osaka")
    shoot(console, "search-save", to)
    console.get_by_role("button", name="Save").click()
    expect(console.locator(".messagelist")).to_contain_text("“Osaka” is saved")
    assert SavedSearch.objects.get().query == "hostname:farm-2.osaka"
    box.fill(LINKER)
    box.press("Enter")
    expect(found.locator("mark").first).to_be_visible()
    shoot(console, "search", to)
    SearchRejection.objects.create(
        job_id=Job.objects.values_list("pk", flat=True)[0],
        version=4,
        error_message="mapper_parsing_exception: failed to parse field [metadata] of type [keyword]",
        retry_at=now() + timedelta(minutes=4),
    )
    SearchIndex.objects.create(name=indexed.server.new_index(2), mapping_version=1, loaded=700, expected=1000)
    go(console, "searchindex/")
    expect(console.get_by_role("progressbar")).to_be_visible()
    shoot(console, "search-indexes", to)
    console.get_by_role("link", name="Try again…").click()
    console.get_by_role("button", name="Try again").click()
    expect(console.locator(".messagelist")).to_contain_text("It is sent once more.")


@pytest.mark.browser_context_args(
    java_script_enabled=False, viewport={"width": 360, "height": 800}, color_scheme="dark"
)
def test_it_all_works_without_javascript(console, operator):
    to = pictures("dark-360")
    builds.build(operator)
    SavedSearch.objects.create(user=operator, name="Linker", query="error_message:linker", shared=True)

    def keep(name):
        if to:
            console.screenshot(path=to / f"{name}.png", full_page=True)

    go(console, "job/")
    console.locator(".saved summary").click()
    keep("search-saved")
    console.get_by_role("link", name="Linker").click()
    expect(console.locator("#result_list tbody mark").first).to_have_text("linker")
    keep("search")
    console.get_by_label("Search the jobs").fill("status:failed AND projct:kernel")
    console.get_by_role("button", name="Search").click()
    expect(console.get_by_role("alert").locator("mark")).to_have_text("projct")
    keep("search-wrong")
    console.get_by_role("alert").get_by_role("link", name="project_name").click()
    expect(console.locator(".chips li")).to_have_count(2)
    console.get_by_role("link", name="status: failed").click()
    expect(console.locator("#result_list tbody tr")).to_have_count(6)
    for page in ("searchindex/", "savedsearch/", "savedsearch/add/?query=status:failed", "searchrejection/"):
        go(console, page)
        keep(f"search-{page.partition('/')[0]}")
