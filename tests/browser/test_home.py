"""The first page and that of the system's health, as an operator looks at them while jobs are done."""

import os
from datetime import UTC, datetime, timedelta
from math import sin
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db.models.functions import Now
from django.urls import reverse
from playwright.sync_api import expect

from jobs import control, queues, sampling
from jobs.models import Job, QueueMinute
from jobs.models.counter import RUN_TIME_BUCKETS
from jobs.models.wait_counter import WAIT_BUCKETS
from tests.browser import scene
from tests.browser.accessible import faults
from tests.browser.test_pictures import shoot

pytestmark = pytest.mark.django_db(transaction=True)


def lay_history() -> None:
    """A week that was counted: days and nights, a bad hour, and ten minutes in which no worker was there."""
    now = datetime.now(UTC)
    rows = []
    for grain, slots in ((1, 60), (15, 96), (60, 170)):
        for back in range(slots):
            at = now - timedelta(minutes=grain * back)
            if grain == 1 and 20 < back < 30:
                continue
            rows += _rows(at, grain, bad=at > now - timedelta(minutes=15) or 40 < back < 44)
    QueueMinute.objects.bulk_create(rows, ignore_conflicts=True)


def _rows(at: datetime, grain: int, *, bad: bool) -> list[QueueMinute]:
    begin = datetime.fromtimestamp(at.timestamp() // (60 * grain) * 60 * grain, UTC)
    busy = 1.2 + sin(at.timestamp() / 13_000) + 0.2 * sin(at.timestamp() / 300)
    done = int(40 * busy * grain)
    retried = int(done * (0.12 if bad else 0.02))
    waits = [0] * (len(WAIT_BUCKETS) + 1)
    for place, part in ((3, 0.5), (5, 0.3), (8 if bad else 6, 0.2)):
        waits[place] = int(done * part)
    runs = [0] * (len(RUN_TIME_BUCKETS) + 1)
    depths = {"default": int(90 * busy), "mail": int(40 * busy), "video": 30 if bad else 4}
    counts = {"completed": done, "retried": retried, "attempts": done + retried, "dead": retried // 8}
    whole = QueueMinute(
        queue="", at=begin, grain=grain, samples=2 * grain, seconds=60.0 * grain, enqueued=done, waits=waits, runs=runs,
        depth=sum(depths.values()), oldest=30.0 if bad else 1.0, running=9, workers=2, slots=16, **counts,
    )  # fmt: skip
    return [whole, *(QueueMinute(queue=name, grain=grain, at=begin, samples=2, depth=n) for name, n in depths.items())]


@pytest.fixture
def at_work(operator):
    scene.build(operator)
    # Nothing falls due meanwhile.
    Job.objects.filter(status="pending", scheduled_at__gt=Now()).update(scheduled_at=Now() + timedelta(hours=1))
    sampling.sample()
    lay_history()
    queues.pause("video", operator, "The provider answers with 500 since noon.")
    cache.clear()


def test_an_operator_sees_how_it_goes_and_pauses_everything(console, at_work, live_server):
    kept = os.environ.get("EKIDEN_PICTURES")
    to = Path(kept) if kept else None
    console.clock.install()
    console.goto(live_server.url + reverse("admin:index"))
    # The doctor is sent for by the page itself.
    health = console.locator("#health")
    expect(health).to_contain_text("Looked at", timeout=30_000)
    expect(console.get_by_role("img", name="Throughput")).to_be_visible()
    shoot(console, "home", to)
    assert not faults(console)

    ready = console.locator(".live-numbers li").first.locator("b")
    before = int(ready.inner_text())
    ended = Job.objects.filter(status="pending", scheduled_at__lte=Now()).first()
    assert ended is not None
    control.cancel(ended.pk, None, "not wanted")
    console.clock.run_for(5_000)
    expect(ready).to_have_text(str(before - 1), timeout=15_000)

    console.get_by_role("link", name="Last 7 days").click()
    expect(console.get_by_role("link", name="Last 7 days")).to_have_attribute("aria-current", "page")
    console.get_by_text("The charts as numbers").click()
    expect(console.locator("#numbers tbody tr")).to_have_count(84)
    shoot(console, "home-week", to)

    console.get_by_role("link", name="All checks and figures").click()
    expect(console.get_by_role("heading", name="Worker hosts")).to_be_visible()
    expect(console.locator("#diagnostics")).to_contain_text("Hot tables")
    shoot(console, "health", to)
    assert not faults(console)

    console.goto(live_server.url + reverse("admin:index"))
    console.get_by_role("link", name="Pause all queues").click()
    console.get_by_label("Reason").fill("The database moves.")
    console.get_by_role("button", name="Pause all queues").click()
    console.goto(live_server.url + reverse("admin:index"))
    expect(console.locator("section", has=console.get_by_role("heading", name="Wants attention"))).to_contain_text(
        "The database moves."
    )
