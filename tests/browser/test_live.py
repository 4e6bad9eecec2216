"""Pages keep themselves up to date, by five seconds of the browser's clock; what somebody does there stays."""

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import expect

from tests.jobs.rows import dead_letter, new_job

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_page_follows_what_happens_until_it_is_paused(console, live_server):
    console.clock.install()
    console.goto(live_server.url + reverse("admin:jobs_queue_changelist"))
    switch, letters = console.locator("#live-switch"), console.locator("#rail-deadlettergroup")
    expect(switch).to_have_text("Live")
    dead_letter(new_job(queue="mail"))
    new_job(queue="hakone")
    console.clock.fast_forward(5_000)
    expect(console.get_by_role("link", name="hakone", exact=True)).to_be_visible()
    expect(letters).to_have_text("1")
    console.get_by_role("link", name="hakone", exact=True).focus()
    new_job(queue="izu")
    console.clock.fast_forward(5_000)
    expect(console.get_by_role("link", name="izu", exact=True)).to_be_visible()
    expect(console.get_by_role("link", name="hakone", exact=True)).to_be_focused()
    switch.click()
    expect(switch).to_have_text("Paused")
    expect(switch).to_have_attribute("aria-pressed", "false")
    asked = []
    console.on("request", lambda request: asked.append(request.url))
    console.clock.fast_forward(20_000)
    console.reload()
    expect(switch).to_have_text("Paused")
    assert [url for url in asked if url.endswith("/queue/")] == [console.url]
    new_job(queue="odawara")
    console.keyboard.press(".")
    expect(switch).to_have_text("Live")
    expect(console.get_by_role("link", name="odawara", exact=True)).to_be_visible()


def test_what_somebody_types_or_ticks_is_left_alone(console, live_server):
    console.clock.install()
    new_job(queue="mail")
    console.goto(live_server.url + reverse("admin:jobs_job_changelist"))
    box = console.locator("input.action-select").first
    box.check()
    new_job(queue="hakone")
    console.clock.fast_forward(5_000)
    # The tabs above the list are not left alone.
    tabs = console.get_by_role("navigation", name="Status")
    expect(tabs.get_by_role("link", name="Pending")).to_have_text("Pending 2")
    expect(console.locator("input.action-select")).to_have_count(1)
    expect(box).to_be_checked()
    box.uncheck()
    console.clock.fast_forward(5_000)
    expect(console.locator("input.action-select")).to_have_count(2)
    # Django's own script has to know the new rows.
    console.locator("#action-toggle").click()
    expect(console.locator("input.action-select:checked")).to_have_count(2)


def test_what_is_asked_for_while_an_answer_is_under_way_is_asked_for_behind_it(console, live_server):
    console.clock.install()
    new_job(queue="mail")
    console.goto(live_server.url + reverse("admin:jobs_job_changelist"))
    held = []
    console.route("**/admin/jobs/job/", lambda route: held.append(route), times=1)
    console.clock.fast_forward(5_000)
    while not held:
        console.title()
    # Its answer is taken before there is a job, and given when the page has asked for more.
    answer = held[0].fetch()
    new_job(queue="hakone")
    console.evaluate("document.body.dispatchEvent(new CustomEvent('ekiden:refresh'))")
    held[0].fulfill(response=answer)
    # Sooner than by the next five seconds.
    expect(console.get_by_role("cell", name="hakone", exact=True)).to_be_visible(timeout=4_000)


def test_whoever_is_logged_out_is_told_at_once(console, live_server):
    console.clock.install()
    console.goto(live_server.url + reverse("admin:jobs_queue_changelist"))
    expect(console.locator("#live-switch")).to_have_text("Live")
    Session.objects.all().delete()
    console.clock.fast_forward(5_000)
    expect(console.get_by_role("button", name="Log in")).to_be_visible()
