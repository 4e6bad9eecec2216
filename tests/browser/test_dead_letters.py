"""An operator, in a real browser, takes care of what a real worker gave up on."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.timezone import now
from playwright.sync_api import expect

from jobs import dead_letter_groups
from jobs.decorators import job
from jobs.exceptions import NonRetryableError
from jobs.models import AuditEntry, DeadLetter, DeadLetterGroup, Job
from jobs.registry import registry
from tests.browser.test_pictures import look
from tests.browser.working import working
from tests.jobs.rows import dead_letter, new_job

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")
PATIENT = 20_000


def pictures(page, name):
    """Look at a page narrow and dark; where pictures are kept, wide and light as well."""
    for width, scheme in ((1280, "light"), (360, "dark")) if KEPT else ((360, "dark"),):
        to = Path(KEPT) / f"{scheme}-{width}" if KEPT else None
        if to is not None:
            to.mkdir(parents=True, exist_ok=True)
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        # Colours change gradually, and half-way they have no contrast.
        page.evaluate(
            "Promise.allSettled(document.getAnimations().filter(each => each instanceof CSSTransition)"
            ".map(each => each.finished)).then(() => null)"
        )
        assert look(page, name, to) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.fixture
def typesetter():
    @job("typeset", max_retries=0)
    def typeset(ctx, columns: int, text: str):
        if columns > 8:
            raise NonRetryableError(f"{columns} columns do not fit on a page")
        return {"lines": len(text) // columns}

    yield
    registry.remove("typeset")


@pytest.fixture
def worker(typesetter):
    with working(maintenance=False) as thread:
        thread.start()
        yield thread


def test_failures_are_assigned_edited_redriven_elsewhere_and_resolved(console, operator, worker):
    for columns in (9, 12, 40):
        new_job("typeset", payload={"columns": columns, "text": "駅伝は、たすきをつないで走る。"}, user=operator)
    # The desk is asked for until the worker has given all three up.
    desk = reverse("admin:jobs_deadlettergroup_changelist")
    console.goto(console.url.partition("/admin/")[0] + desk)
    while console.locator("#result_list .count").all_text_contents() != ["3"]:
        console.reload()
    pictures(console, "desk")
    console.locator("#result_list a.group").click()
    expect(console.locator("#growth")).to_contain_text("3 this hour")
    expect(console.locator(".names")).to_contain_text("hana.sato")

    console.get_by_label("Looked after by").select_option("hana.sato")
    console.get_by_label("Ticket").fill("https://tickets.example.org/OPS-7")
    console.get_by_label("Notes").fill("The layout was made for the evening edition.")
    console.get_by_role("button", name="Save").click()
    expect(console.locator(".messagelist")).to_contain_text("Saved")
    expect(console.get_by_role("link", name="https://tickets.example.org/OPS-7")).to_be_visible()
    pictures(console, "group")

    console.locator("#letters li a").last.click()
    expect(console.get_by_text("Traceback (most recent call last)").first).to_be_visible()
    editor = console.get_by_label("Payload as JSON")
    original = editor.input_value()
    assert "駅伝" in original
    editor.fill('{"columns": "two", "text": "駅伝"}')
    console.get_by_role("button", name="Redrive with this payload").click()
    expect(console.locator("#payload .errorlist")).to_contain_text("/columns")
    assert editor.input_value() == '{"columns": "two", "text": "駅伝"}'
    pictures(console, "letter")
    editor.fill(re.sub(r'"columns": \d+', '"columns": 2', original))
    console.get_by_role("button", name="Redrive with this payload").click()
    expect(console.locator("tr.removed").filter(has_text="columns")).to_have_count(1)
    expect(console.locator("tr.added").filter(has_text='"columns": 2')).to_have_count(1)
    assert DeadLetter.objects.open().count() == 3
    console.get_by_label("Queue").fill("evening")
    console.get_by_label("Reason").fill("nine columns were meant for the poster")
    pictures(console, "letter-diff")
    console.get_by_role("button", name="Redrive with this payload").click()

    expect(console.locator(".messagelist")).to_contain_text("Redriven with the edited payload")
    expect(console.locator("#deaths")).to_contain_text("It succeeded", timeout=PATIENT)
    expect(console.locator("#deaths")).to_contain_text("to the queue evening")
    expect(console.locator("#history")).to_contain_text("nine columns were meant for the poster")
    expect(console.get_by_role("link", name="Redrive as it is")).to_have_count(0)
    console.reload()
    expect(console.locator("h1 .badge").first).to_have_text("Resolved")
    done = Job.objects.get(status="completed")
    assert (done.queue, done.result, done.payload["columns"]) == ("evening", {"lines": 7}, 2)
    pictures(console, "letter-resolved")

    console.get_by_role("link", name="2 open of 3").click()
    expect(console.locator("#redrives")).to_contain_text("It succeeded")
    console.locator("#letters li a").first.click()
    console.get_by_role("link", name="Discard…").click()
    console.get_by_label("Reason").fill("too wide to mend")
    console.get_by_label("Then go on with the next open letter").check()
    console.get_by_role("button", name="Discard").click()
    console.wait_for_url("**/change/?onward=on")
    console.get_by_role("link", name="Redrive as it is").click()
    assert console.get_by_label("Then go on with the next open letter").is_checked()
    console.get_by_label("Then go on with the next open letter").uncheck()
    console.get_by_role("button", name="Redrive", exact=True).click()
    expect(console.locator("#deaths")).to_contain_text("It died again", timeout=PATIENT)
    console.locator("#deaths").get_by_role("link", name="NonRetryableError").click()
    expect(console.locator("#deaths")).to_contain_text("2 deaths")
    pictures(console, "letter-second-death")
    assert DeadLetter.objects.open().get().occurrence == 2


def test_a_group_is_muted_and_comes_back(console, operator, live_server):
    group = DeadLetterGroup.objects.get(pk=dead_letter().error_fingerprint)
    console.goto(live_server.url + reverse("admin:jobs_deadlettergroup_change", args=[group.pk]))
    console.get_by_role("link", name="Mute…").click()
    console.get_by_label("For a week").check()
    console.get_by_label("Reason").fill("the provider mends it on Monday")
    pictures(console, "mute")
    console.get_by_role("button", name="Mute").click()
    expect(console.locator(".messagelist")).to_contain_text("comes back to the desk by itself")
    expect(console.get_by_text("Muted: it is not on the desk.")).to_be_visible()
    console.get_by_role("link", name="Dead letters by error").first.click()
    expect(console.get_by_text("Nothing here waits for a person.")).to_be_visible()
    dead_letter()
    assert AuditEntry.objects.get(action="mute").reason == "the provider mends it on Monday"
    DeadLetterGroup.objects.update(muted_until=now() - timedelta(seconds=1))
    dead_letter_groups.tidy()
    console.reload()
    expect(console.locator("#result_list .count")).to_have_text("2")


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_ticked_letters_are_redriven_without_javascript(console, live_server):
    letters = [dead_letter() for _ in range(2)]
    console.goto(live_server.url + reverse("admin:jobs_deadletter_changelist"))
    console.locator("#result_list .action-select").first.check()
    console.locator("select[name=action]").select_option(label="Redrive")
    console.locator("button[name=index]").click()
    expect(console.get_by_role("heading", level=1)).to_contain_text("1 dead letter, those you ticked")
    console.get_by_role("button", name="Redrive it").click()
    expect(console.locator(".messagelist")).to_contain_text("1 dead letter done")
    assert DeadLetter.objects.open().count() == len(letters) - 1


def test_the_keyboard_reaches_the_acts(console, live_server):
    letter = dead_letter()
    console.goto(live_server.url + reverse("admin:jobs_deadletter_change", args=[str(letter.pk)]))
    reached = []
    for _ in range(90):
        console.keyboard.press("Tab")
        reached.append(console.evaluate("document.activeElement.textContent.trim()"))
    wanted = {"Redrive as it is…", "Resolve…", "Discard…", "Triage…", "Redrive with this payload…", "Save"}
    assert wanted <= set(reached)
