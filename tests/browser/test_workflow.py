"""The page of a workflow: a picture that fits, and a table that says the same."""

import os
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser import flow
from tests.browser.test_pictures import shoot

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")


def test_eight_steps_are_drawn_in_light_and_dark_wide_and_narrow(console, operator, live_server):
    batch = flow.build(operator)
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
        console.emulate_media(color_scheme=scheme)
        console.set_viewport_size({"width": width, "height": 844})
        console.goto(live_server.url + reverse("admin:jobs_batch_change", args=[batch.pk]))
        expect(console.locator(".graph rect")).to_have_count(8)
        # Names stay in their boxes.
        assert console.evaluate(
            "[...document.querySelectorAll('.graph .node')].every(node =>"
            " node.querySelector('.name').getBBox().width <= node.querySelector('rect').width.baseVal.value - 20)"
        )
        shoot(console, f"batch-{scheme}-{width}", Path(KEPT) if KEPT else None)
    console.locator(".graph a").first.click()
    expect(console.locator(".facts")).to_contain_text(str(batch.pk))
