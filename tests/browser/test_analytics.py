"""The pages of figures in a real browser: with and without JavaScript, light and dark, wide and narrow."""

import os
import re
from pathlib import Path

import pytest
from django.db import connections, router
from playwright.sync_api import expect

from analytics.models import RequestLog
from tests.browser import traffic
from tests.browser.test_pictures import shoot

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ("usage", "performance", "errors", "cache")
#: What a canvas shows, four numbers for each pixel.
PIXELS = """canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, 0, 0);
    return copy.getImageData(0, 0, canvas.width, canvas.height).data;
}"""
PAINTED = f"canvas => ({PIXELS})(canvas).some(value => value > 0)"
#: How many of its pixels have exactly this colour.
COUNT = f"""(canvas, [red, green, blue]) => {{
    const pixels = ({PIXELS})(canvas);
    let found = 0;
    for (let at = 0; at < pixels.length; at += 4)
        found += pixels[at] === red && pixels[at + 1] === green && pixels[at + 2] === blue && pixels[at + 3] === 255;
    return found;
}}"""
LIGHT_LINE, DARK_LINE = [0x1F, 0x6F, 0x8B], [0x5F, 0xB4, 0xCF]


@pytest.fixture
def log(transactional_db):
    """Tables made in SQL are not emptied by Django."""
    yield
    with connections[router.db_for_write(RequestLog)].cursor() as cursor:
        cursor.execute("TRUNCATE request_logs, error_logs")


def open_page(console, live_server, name, query=""):
    console.goto(f"{live_server.url}/admin/analytics/{name}/{query}")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_draws_its_chart_and_fits(console, live_server, log, width, scheme):
    kept = os.environ.get("EKIDEN_PICTURES")
    to = Path(kept) / f"{scheme}-{width}" if kept else None
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    traffic.build()
    asked = []
    console.on("request", lambda request: asked.append(request.url))
    console.emulate_media(color_scheme=scheme)
    console.set_viewport_size({"width": width, "height": 800})
    for name in PAGES:
        open_page(console, live_server, name, "?range=48h&compare=previous")
        expect(console.locator("figure.chart canvas")).to_have_count(2 if name == "errors" else 1)
        for canvas in console.locator("figure.chart canvas").all():
            assert canvas.evaluate(PAINTED), name
        expect(console.locator("details[data-folds]")).not_to_have_attribute("open", "")
        shoot(console, f"analytics-{name}", to)
    open_page(console, live_server, "usage")
    shoot(console, "analytics-usage-week", to)
    console.goto(f"{live_server.url}/admin/")
    shoot(console, "overview-with-requests", to)
    assert asked and all(address.startswith(live_server.url) for address in asked)


def test_lines_have_the_colours_of_the_theme_and_change_with_it(console, live_server, log):
    traffic.build(300)
    console.emulate_media(color_scheme="light")
    open_page(console, live_server, "usage", "?range=7d&granularity=hour")
    canvas = console.locator("figure.chart canvas")
    assert canvas.evaluate(COUNT, LIGHT_LINE) > 100 and not canvas.evaluate(COUNT, DARK_LINE)
    before = canvas.element_handle()
    console.emulate_media(color_scheme="dark")
    # Another one takes its place.
    before.wait_for_element_state("hidden")
    assert canvas.evaluate(COUNT, DARK_LINE) > 100 and not canvas.evaluate(COUNT, LIGHT_LINE)
    before = canvas.element_handle()
    console.locator(".theme-toggle").click()
    before.wait_for_element_state("hidden")
    assert canvas.evaluate(COUNT, LIGHT_LINE) > 100 and not canvas.evaluate(COUNT, DARK_LINE)


def test_the_chart_is_read_saved_and_asked_again_by_keyboard(console, live_server, log):
    traffic.build(300)
    open_page(console, live_server, "performance")
    console.locator(".plot").focus()
    console.keyboard.press("End")
    console.keyboard.press("ArrowLeft")
    legend = console.locator(".u-legend")
    expect(legend).to_contain_text(re.compile(r"UTC\d{4}-\d\d-\d\d"))
    expect(legend).to_contain_text(re.compile(r"p99[\d.]+ (ms|s)"))
    with console.expect_download() as arriving:
        console.get_by_role("link", name="CSV by day").press("Enter")
    name, lines = arriving.value.suggested_filename, Path(arriving.value.path()).read_text().splitlines()
    assert name.startswith("timeseries-") and lines[0].startswith("time,requests,") and len(lines) == 8
    console.get_by_label("Time", exact=True).select_option("24h")
    console.get_by_label("Function").select_option("node-thumbnail")
    console.get_by_role("button", name="Show").focus()
    console.keyboard.press("Enter")
    expect(console).to_have_url(re.compile(r"range=24h.*language_title=node-thumbnail"))
    console.get_by_role("link", name="Errors", exact=True).click()
    expect(console).to_have_url(re.compile(r"/errors/\?.*language_title=node-thumbnail"))
    expect(console.get_by_label("Function")).to_have_value("node-thumbnail")


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript_the_numbers_stand_in_tables(console, live_server, log):
    traffic.build(300)
    open_page(console, live_server, "usage", "?range=14d")
    expect(console.locator("canvas")).to_have_count(0)
    by_day = console.locator("details[data-folds] tbody tr")
    expect(by_day.first).to_be_visible()
    told = [int(row.locator("td").nth(1).inner_text().replace(",", "")) for row in by_day.all()]
    assert sum(told) == 300
    by_function = console.locator("section.panel", has_text="By function").locator("tbody tr")
    assert sum(int(row.locator("td").nth(1).inner_text()) for row in by_function.all()) == 300
    console.get_by_label("From").fill("2020-01-01")
    console.get_by_label("To", exact=True).fill("2020-01-31")
    console.get_by_role("button", name="Show").click()
    expect(console.get_by_text("No request was logged in this time.")).to_be_visible()
    expect(console.get_by_text("2020-01-01 to 2020-01-31 UTC")).to_be_visible()
