"""The pictures of the documents: every screen of the console, as a stranger would see it, in both themes.

`make screens` runs it; it is not among the tests, which look at the same pages and more.
"""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils.timezone import now

from jobs import sampling
from jobs.bulk.beginning import begin
from jobs.bulk.wishes import Wish
from jobs.models import BulkOperation, Schedule
from jobs.statuses import BulkState
from jobs.webhooks import capturing, endpoints
from tests.browser import flow, scene, traffic
from tests.browser.places import listed, places, shown
from tests.browser.test_home import lay_history

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

TO = Path(os.environ.get("EKIDEN_SCREENS", "docs/screens"))
#: Of all places, those that show something of their own.
SHOWN = (
    "overview", "dead-letters", "dead-letter", "jobs", "job-retrying", "schedules", "functions",
    "function", "queues", "queue", "workers", "audit", "health",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screens(console, operator, live_server, scheme):
    letter = scene.build(operator)
    more = _more(operator)
    TO.mkdir(parents=True, exist_ok=True)
    console.emulate_media(color_scheme=scheme)
    console.set_viewport_size({"width": 1280, "height": 800})
    found = {**places(letter), **more}
    for name in (*(name for name in SHOWN if name in found), *more):
        console.goto(live_server.url + found[name])
        console.wait_for_load_state("networkidle")
        console.screenshot(path=TO / f"{name}-{scheme}.png")
    capturing.switch(drop=True)


def _more(operator):
    """What the scene lacks: a past, figures, schedules, an operation half done, somebody who is told of events."""
    traffic.build()
    _schedules(operator)
    batch = flow.build(operator)
    sampling.sample()
    lay_history()
    cache.clear()
    wish = Wish("dead_letter", "redrive", {"filter": {"type": "extract_content"}}, reason="The site answers again.")
    operation = begin(wish, operator)
    BulkOperation.objects.filter(pk=operation.pk).update(
        matched=41_280, done=17_314, skipped=46, failed=2, state=BulkState.RUNNING, rate_per_second=200,
        started_at=now() - timedelta(seconds=88), worked_at=now(),
    )  # fmt: skip
    endpoint = endpoints.create(
        operator,
        actor=operator,
        url="https://pager.example.org/hooks",
        events=["dead_letter.opened"],
        description="Pager",
    )
    return {
        "batch": shown("jobs_batch", batch.pk),
        "bulk-operations": listed("jobs_bulkoperation"),
        "bulk-operation": shown("jobs_bulkoperation", operation.pk),
        "webhook": shown("jobs_webhookendpoint", endpoint.pk),
        "analytics": reverse("analytics:performance") + "?range=48h&compare=previous",
    }


def _schedules(operator):
    for name, job_type, interval, ahead in (
        (
            "Morning edition",
            "extract_content",
            {"type": "cron", "expression": "30 5 * * *", "timezone": "Asia/Tokyo"},
            300,
        ),
        ("Every article once more", "summarize", {"type": "cron", "expression": "0 2 * * 0", "timezone": "UTC"}, 2900),
        ("Watch the wires", "extract_content", {"type": "timedelta", "seconds": 900}, 7),
    ):
        Schedule.objects.create(
            name=name,
            job_type=job_type,
            schedule_interval=interval,
            next_run_at=now() + timedelta(minutes=ahead),
            user=operator,
        )
