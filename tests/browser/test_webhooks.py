"""An operator, in a real browser, has the pager told of dead letters, and mends what does not get through."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from jobs.models import WebhookEndpoint
from jobs.webhooks import capturing
from tests.browser.accessible import faults
from tests.browser.test_pictures import overflow, shoot
from tests.jobs.rows import dead_letter
from tests.jobs.webhooks.conftest import bring
from tests.webhook_receiver import receiving

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")
TO = Path(KEPT) if KEPT else None


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _no_triggers_left():
    yield
    WebhookEndpoint.objects.all().delete()
    assert capturing.switch(drop=True)


def act(console, name, **fields):
    """Press a button of the page, and confirm."""
    console.get_by_role("link", name=f"{name}…").click()
    for label, value in fields.items():
        console.get_by_label(label.replace("_", " ")).fill(value)
    console.get_by_role("button", name=name).click()


def look(console, name):
    shoot(console, f"{name}-1280", TO)
    assert faults(console) == []
    console.set_viewport_size({"width": 360, "height": 800})
    console.emulate_media(color_scheme="dark")
    shoot(console, f"{name}-dark-360", TO)
    assert overflow(console) == []
    console.set_viewport_size({"width": 1280, "height": 800})
    console.emulate_media(color_scheme="light")


def test_an_endpoint_is_made_tested_rotated_and_sent_to_again(console, receiver):
    console.get_by_role("link", name="Webhooks", exact=True).click()
    look(console, "webhooks-empty")
    console.get_by_role("link", name="Make an endpoint").click()
    console.get_by_label("URL").fill("https://10.0.0.7/hooks")
    console.get_by_label("Description").fill("The pager of the night desk")
    console.get_by_label("dead_letter.opened").check()
    console.get_by_role("button", name="Save").click()
    expect(console.locator(".field-url .errorlist")).to_contain_text("does not have a public address")
    expect(console.get_by_label("dead_letter.opened")).to_be_checked()
    look(console, "webhook-form")
    console.get_by_label("URL").fill(receiver.url())
    console.get_by_role("button", name="Save").click()
    secret = console.locator("#secret").inner_text()
    look(console, "webhook-secret")
    console.get_by_role("link", name="I have it").click()

    receiver.answers(503, "<h1>Down for the night</h1>")
    act(console, "Send a test")
    expect(console.locator(".messagelist")).to_contain_text("The test is on its way.")
    bring()
    console.get_by_role("link", name="webhook.test").click()
    expect(console.locator(".attempts-made")).to_contain_text("It answered 503.")
    look(console, "webhook-delivery")
    act(console, "Send again", Reason="It is up again.")
    receiver.answers(200, "thanks")
    bring()
    # Nobody loads the page anew: it tells of the delivery by itself.
    expect(console.locator(".attempts-made")).to_contain_text("It was accepted.", timeout=20_000)
    assert receiver.received[-1].verified(secret)["type"] == "webhook.test"

    console.get_by_role("navigation", name="Breadcrumbs").get_by_role("link", name="The pager").click()
    act(console, "Rotate the secret", Reason="It was in a log.")
    new = console.locator("#secret").inner_text()
    assert new != secret
    console.get_by_role("link", name="I have it").click()
    assert capturing.switch()
    dead_letter()
    bring()
    console.reload()
    expect(console.locator("table")).to_contain_text("dead_letter.opened")
    assert receiver.received[-1].verified(secret) == receiver.received[-1].verified(new)
    look(console, "webhook")
    console.get_by_role("link", name="All deliveries").click()
    look(console, "webhook-deliveries")
    console.goto(re.sub(r"/admin/.*", "/admin/jobs/webhookendpoint/", console.url))
    expect(console.locator("#result_list")).to_contain_text("100 %")
    look(console, "webhooks")
