"""An operator, in a real browser, finds jobs by queries."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from jobs.models import SavedSearch
from tests.browser import builds
from tests.browser.test_pictures import shoot

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")
TO = Path(KEPT) if KEPT else None
RARE = "status:dead_letter AND project_name:compiler* AND error_message:linker"


def go(console, path):
    console.goto(re.sub(r"/admin/.*", f"/admin/jobs/{path}", console.url))


def test_a_query_is_completed_answered_and_kept(console, operator):
    builds.build(operator)
    go(console, "job/")
    box = console.get_by_role("combobox", name="Search the jobs")
    offered = console.get_by_role("listbox", name="What may come here").get_by_role("option")
    box.press_sequentially("proj")
    expect(offered.first).to_contain_text("project_name")
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("project_name:")
    expect(offered).to_have_count(4)
    box.press_sequentially("ker")
    expect(offered).to_have_count(1)
    shoot(console, "search-completing-1280", TO)
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("project_name:kernel ")
    box.press("Escape")
    expect(offered).to_have_count(0)
    box.press("Enter")
    expect(console.locator("#result_list tbody tr")).to_have_count(6)
    shoot(console, "search-kernel-1280", TO)
    console.locator(".filter.add").get_by_role("link", name="farm-2.osaka").click()
    expect(console.locator("#result_list tbody tr")).to_have_count(2)
    expect(box).to_have_value("project_name:kernel hostname:farm-2.osaka")
    console.get_by_role("link", name="project name: kernel").click()
    expect(console.locator("#result_list tbody tr")).to_have_count(8)
    console.locator(".saved summary").click()
    shoot(console, "search-saved-menu-1280", TO)
    console.get_by_role("link", name="Save this one…").click()
    console.get_by_label("Name").fill("Osaka")
    shoot(console, "search-save-1280", TO)
    console.get_by_role("button", name="Save").click()
    expect(console.locator(".messagelist")).to_contain_text("“Osaka” is saved")
    assert SavedSearch.objects.get().query == "hostname:farm-2.osaka"
    expect(console.locator("#result_list tbody tr")).to_have_count(8)


@pytest.mark.browser_context_args(java_script_enabled=False)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_it_all_works_without_javascript(console, operator, width, scheme):
    builds.build(operator)
    console.emulate_media(color_scheme=scheme)
    console.set_viewport_size({"width": width, "height": 800})
    kept = TO / f"{scheme}-{width}" if TO else None
    go(console, "job/")
    if kept:
        console.screenshot(path=kept / "search-nothing.png", full_page=True)
    console.get_by_label("Search the jobs").fill(RARE)
    console.get_by_role("button", name="Search").click()
    expect(console.locator("#result_list tbody mark").first).to_have_text(re.compile("linker", re.IGNORECASE))
    if kept:
        console.screenshot(path=kept / "search-found.png", full_page=True)
    console.locator(".saved summary").click()
    if kept:
        console.screenshot(path=kept / "search-saved.png", full_page=True)
    console.get_by_label("Search the jobs").fill("status:failed AND projct:kernel")
    console.get_by_role("button", name="Search").click()
    expect(console.get_by_role("alert").locator("mark")).to_have_text("projct")
    if kept:
        console.screenshot(path=kept / "search-wrong.png", full_page=True)
    console.get_by_role("alert").get_by_role("link", name="project_name").click()
    expect(console.locator(".chips li")).to_have_count(2)
    if kept:
        go(console, "searchindex/")
        console.screenshot(path=kept / "search-page.png", full_page=True)
        go(console, "savedsearch/")
        console.screenshot(path=kept / "search-saved-list.png", full_page=True)
