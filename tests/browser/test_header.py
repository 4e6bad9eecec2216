"""The frame of every page: the rail with the sections, keys, languages, and how it fits on narrow and wide screens."""

import os
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.test_pictures import shoot

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")
TO = Path(KEPT) if KEPT else None


def test_the_rail_is_beside_the_page_or_behind_a_button(console):
    rail, audit = console.locator("#rail"), console.get_by_role("link", name="Audit log", exact=True)
    for width in (1280, 2560, 3840):
        console.set_viewport_size({"width": width, "height": width * 9 // 16})
        expect(audit).to_be_visible()
        assert console.locator("#header").bounding_box()["x"] >= rail.bounding_box()["width"]
        shoot(console, f"frame-{width}", TO)
    console.set_viewport_size({"width": 360, "height": 740})
    expect(audit).to_be_hidden()
    console.get_by_role("button", name="Sections").click()
    expect(audit).to_be_visible()
    shoot(console, "rail-360", TO)
    console.keyboard.press("Escape")
    expect(audit).to_be_hidden()
    console.get_by_role("button", name="Sections").press("Enter")
    audit.click()
    expect(console.get_by_role("heading", level=1)).to_have_text("Audit entries")
    expect(console.locator("#rail a[aria-current]")).to_have_text("Audit log")


@pytest.mark.browser_context_args(java_script_enabled=False, viewport={"width": 390, "height": 800})
def test_the_rail_opens_without_javascript(console):
    console.get_by_role("button", name="Sections").click()
    console.get_by_role("link", name="Locks", exact=True).click()
    expect(console.get_by_role("heading", level=1)).to_have_text("Processing locks")
    console.locator(".me summary").click()
    expect(console.get_by_role("button", name="Log out")).to_be_visible()


def test_keys_lead_everywhere(console):
    press = console.keyboard.press
    expect(console.get_by_label("Find jobs")).to_be_visible()
    press("Tab")
    expect(console.get_by_role("link", name="Skip to main content")).to_be_focused()
    press("?")
    expect(console.get_by_role("dialog")).to_be_visible()
    shoot(console, "keys", TO)
    press("Escape")
    expect(console.get_by_role("dialog")).to_be_hidden()
    press("/")
    expect(console.get_by_label("Find jobs")).to_be_focused()
    console.keyboard.type("g w?")
    expect(console.get_by_label("Find jobs")).to_have_value("g w?")
    press("Escape")
    press("g")
    press("w")
    expect(console.get_by_role("heading", level=1)).to_have_text("Workers")
    press("g")
    press("Shift")
    press("h")
    expect(console.get_by_role("link", name="Home", exact=True)).to_have_attribute("aria-current", "page")
    press("Tab")
    press("Enter")
    expect(console).to_have_url(console.url.partition("#")[0] + "#content-start")


def test_the_language_is_switched_and_kept(console, live_server):
    expect(console.locator("html")).to_have_attribute("lang", "en")
    console.get_by_role("button", name="日本語").click()
    expect(console.locator("html")).to_have_attribute("lang", "ja")
    console.goto(live_server.url + reverse("preferences"))
    console.locator("#id_language").select_option("en")
    console.locator("#id_time_zone").select_option("Asia/Tokyo")
    console.locator("[data-theme-choice]").select_option("dark")
    expect(console.locator("html")).to_have_attribute("data-theme", "dark")
    console.locator("main button[type=submit]").click()
    expect(console.locator("html")).to_have_attribute("lang", "en")
    expect(console.get_by_text("Your preferences are kept.")).to_be_visible()
    expect(console.locator("#id_time_zone")).to_have_value("Asia/Tokyo")
    expect(console.locator("html")).to_have_attribute("data-theme", "dark")
    shoot(console, "preferences", TO)
