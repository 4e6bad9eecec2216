"""An operator, in a real browser, redrives all letters of a kind by an operation that a real worker does."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.timezone import now
from playwright.sync_api import expect

from jobs.decorators import job
from jobs.models import AuditEntry, BulkOperation, DeadLetter, Job
from jobs.registry import registry
from tests.browser.test_pictures import look
from tests.browser.working import working
from tests.jobs.rows import dead_letter, new_job

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")
PATIENT = 30_000


def pictures(page, name):
    """Look at a page narrow and dark; where pictures are kept, wide and light as well."""
    for width, scheme in ((1280, "light"), (360, "dark")) if KEPT else ((360, "dark"),):
        to = Path(KEPT) / f"{scheme}-{width}" if KEPT else None
        if to is not None:
            to.mkdir(parents=True, exist_ok=True)
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        assert look(page, name, to) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.fixture
def worker():
    """One that also knows how to typeset, now that there is ink; it would take the jobs that are yet to give up."""

    @job("typeset", max_retries=0)
    def typeset(ctx, **payload):
        return {"lines": 12}

    with working(maintenance=False) as thread:
        yield thread
    registry.remove("typeset")


def test_all_letters_of_a_kind_are_redriven_a_few_first(console, live_server, worker):
    letters = [dead_letter(new_job("typeset", queue="press"), message=f"no ink {n}") for n in range(9)]
    # Another one has its key by now.
    Job.objects.filter(pk=letters[8].original_job_id).update(unique_key="front-page")
    new_job("typeset", unique_key="front-page", scheduled_at=now() + timedelta(days=1))
    other = dead_letter(new_job("another"))
    worker.start()

    console.goto(f"{live_server.url}{reverse('admin:jobs_deadletter_changelist')}?type=typeset")
    console.get_by_role("link", name="Redrive…").click()
    expect(console.get_by_role("heading", level=1)).to_contain_text("9 dead letters, all that the filter finds")
    console.get_by_label("Reason").fill("There is ink again")
    console.get_by_label("Try it on so many first").fill("2")
    pictures(console, "bulk-question")
    console.get_by_role("button", name="Redrive all 9").click()

    # Live: nobody reloads the page.
    canary = console.get_by_role("heading", name="Those that it was tried on first")
    expect(canary).to_be_visible(timeout=PATIENT)
    expect(console.locator(".operation")).to_contain_text("completed 2", timeout=PATIENT)
    pictures(console, "bulk-canary")
    console.get_by_role("link", name="Proceed…").click()
    console.get_by_role("button", name="Proceed").click()
    expect(console.locator(".operation")).to_contain_text("completed 8", timeout=PATIENT)
    console.reload()
    expect(console.get_by_role("cell", name="belongs to the job")).to_be_visible()
    pictures(console, "bulk-done")
    with console.expect_download() as download:
        console.get_by_role("link", name="Download as CSV").click()
    assert str(letters[8].pk) in Path(download.value.path()).read_text()

    operation = BulkOperation.objects.get()
    assert (operation.state, operation.done, operation.failed) == ("completed", 8, 1)
    assert AuditEntry.objects.filter(reason="There is ink again", action="redriven").count() == 8
    assert DeadLetter.objects.get(pk=other.pk).resolution_status == "open"
    console.goto(live_server.url + reverse("admin:jobs_bulkoperation_changelist"))
    expect(console.get_by_role("cell", name="type: typeset")).to_be_visible()
    pictures(console, "bulk-operations")
