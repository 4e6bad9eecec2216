"""An operator, in a real browser, looks after queues, functions, schedules and a real worker."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.timezone import now
from playwright.sync_api import expect

from jobs import schedules
from jobs.decorators import job
from jobs.models import AuditEntry, Function, Job, Queue, Schedule, Worker
from jobs.registry import registry
from jobs.synchronizing import synchronize
from tests.browser.test_pictures import look
from tests.browser.working import working

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = os.environ.get("EKIDEN_PICTURES")
PATIENT = 30_000
NINE = {"type": "cron", "expression": "0 9 * * *", "timezone": "Asia/Tokyo"}


@pytest.fixture
def typesetter():
    @job("typeset", queue="proofs")
    def typeset(ctx, columns: int, text: str, draft: bool = False):
        """Set a text in columns."""
        return {"lines": len(text) // columns, "draft": draft}

    synchronize()
    yield typeset
    registry.remove("typeset")


@pytest.fixture
def worker(typesetter):
    with working(heartbeat_interval=0.5) as thread:
        thread.start()
        yield thread


def picture(page, name):
    to = Path(KEPT) if KEPT else None
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    assert look(page, name, to) == []


def go(page, model, pk=None, act="change"):
    address = reverse(f"admin:jobs_{model}_{act}", args=[] if pk is None else [pk])
    page.goto(re.sub(r"/admin/.*", address, page.url))


def confirm(page, name, reason):
    page.get_by_label("Reason").fill(reason)
    page.locator("#content-main").get_by_role("button", name=name).click()


def test_a_day_with_the_machines(console, operator, typesetter, worker):
    # A pause that ends by itself.
    go(console, "queue", "proofs")
    console.get_by_role("link", name="Pause…").click()
    console.get_by_label("For how long").select_option("until")
    console.get_by_label("Until").fill(f"{now() + timedelta(seconds=3):%Y-%m-%dT%H:%M:%S}")
    confirm(console, "Pause", "the press is cleaned")
    state = console.locator("#queue .state")
    expect(state).to_have_text("paused")
    held = typesetter.enqueue(columns=2, text="駅伝駅伝").fetch()
    expect(console.locator("#queue")).to_contain_text("the press is cleaned")
    picture(console, "queue-paused")
    # The page hears of it by itself.
    expect(state).to_have_text("running", timeout=PATIENT)
    assert not Queue.objects.get(pk="proofs").paused
    expect(console.locator("#history")).to_contain_text("paused")

    # A call of a function, from a form of its schema.
    go(console, "function", Function.objects.get(title="typeset").pk)
    console.get_by_role("link", name="Try it out…").click()
    console.get_by_label("columns").fill("4")
    console.get_by_label("draft").select_option("yes")
    confirm(console, "Call it", "a look")
    expect(console.locator(".errorlist")).to_contain_text("required")
    console.get_by_label("text").fill("箱根駅伝の走路")
    console.get_by_role("button", name="Call it").click()
    expect(console.locator("#result .code")).to_contain_text('"lines": 1', timeout=PATIENT)
    picture(console, "function-result")
    assert Job.objects.get(metadata__test_call=True).payload == {"columns": 4, "text": "箱根駅伝の走路", "draft": True}
    assert Job.objects.get(pk=held.pk).status == "completed"

    # A time is skipped, and past ones are made up for.
    payload = {"columns": 2, "text": "a"}
    made = schedules.create(operator, name="proofs", job_type="typeset", schedule_interval=NINE, payload=payload)
    go(console, "schedule", made.pk)
    console.get_by_role("link", name="Skip next…").click()
    confirm(console, "Skip next", "a holiday")
    expect(console.locator(".messagelist")).to_contain_text("Its next time is skipped.")
    assert Schedule.objects.get().next_run_at - made.next_run_at == timedelta(days=1)
    console.get_by_role("link", name="Backfill…").click()
    console.get_by_label("From").fill("2026-03-01T00:00:00")
    console.get_by_label("Until").fill("2026-03-03T12:00:00")
    console.get_by_role("button", name="Look").click()
    expect(console.locator("#found")).to_contain_text("3 times have no job")
    confirm(console, "Make 3 jobs", "the paper was late")
    expect(console.locator(".messagelist")).to_contain_text("3 jobs are submitted.")
    expect(console.locator("#latest tbody tr .badge-completed")).to_have_count(3, timeout=PATIENT)
    picture(console, "schedule-backfilled")

    # The worker is drained: it ends, and the page tells.
    go(console, "worker", None, "changelist")
    console.get_by_role("link", name="relay-7:1:browser").click()
    console.get_by_role("link", name="Drain…").click()
    confirm(console, "Drain", "a new kernel")
    expect(console.locator("#worker .state")).to_have_text("stopped", timeout=PATIENT)
    worker.join(20)
    assert not worker.is_alive() and Worker.objects.get().wish == "drain"
    picture(console, "worker-drained")
    acts = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert [act for act in acts if act != "create"] == ["pause", "resume", "try", "skip", "backfill", "drain"]
