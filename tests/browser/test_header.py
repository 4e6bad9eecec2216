"""The sections in the console's header: in one line where there is room, and all of them within reach."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_pictures import shoot

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")


def test_the_sections_stand_in_one_line_and_the_others_behind_a_menu(console):
    console.set_viewport_size({"width": 1280, "height": 800})
    line = console.locator(".sections > ul > li")
    assert len({box["y"] for box in (item.bounding_box() for item in line.all())}) == 1
    assert console.locator("#header").bounding_box()["height"] < 64
    menu, audit = console.locator(".menu summary"), console.get_by_role("link", name="Audit", exact=True)
    expect(audit).to_be_hidden()
    menu.click()
    expect(audit).to_be_visible()
    shoot(console, "header-menu-1280", Path(KEPT) if KEPT else None)
    console.get_by_role("heading", level=1).click()
    expect(audit).to_be_hidden()
    menu.focus()
    console.keyboard.press("Enter")
    console.keyboard.press("Tab")
    console.keyboard.press("Escape")
    expect(audit).to_be_hidden()
    expect(menu).to_be_focused()
    console.keyboard.press("Enter")
    audit.click()
    expect(console.get_by_role("heading", level=1)).to_have_text("Audit entries")
    expect(menu).to_have_text("Audit")


@pytest.mark.browser_context_args(java_script_enabled=False, viewport={"width": 390, "height": 800})
def test_the_menu_opens_without_javascript(console):
    console.locator(".menu summary").click()
    expect(console.get_by_role("link", name="Sessions", exact=True)).to_be_visible()
    if KEPT:
        console.screenshot(path=Path(KEPT) / "header-menu-390.png")
    console.get_by_role("link", name="Locks", exact=True).click()
    expect(console.locator(".menu summary")).to_have_text("Locks")
