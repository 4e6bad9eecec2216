"""The first page shows how it goes, from small tables and roll-ups alone."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.uuid7 import uuid7
from jobs import glance, queues, sampling
from jobs.models import BulkOperation, QueueMinute, QueueTotal, Schedule, Worker
from tests.jobs.rows import dead_letter, new_job, start
from tests.jobs.test_sampling import count

pytestmark = pytest.mark.django_db

#: What frames the page's queries, and who asks.
NO_QUERIES = ("SAVEPOINT", "RELEASE", "SELECT public.act_as")


@pytest.fixture
def busy():
    """A queue at work: one job due, one for later, one running, one dead, and an hour that was counted."""
    now = datetime.now(UTC)
    new_job(queue="mail", scheduled_at=now - timedelta(minutes=10))
    new_job(queue="mail", scheduled_at=now + timedelta(hours=1), retry_count=1)
    start(new_job(queue="video"))
    dead_letter()
    Worker.objects.create(id="w", hostname="h", pid=1, concurrency=8, running=2, heartbeat_at=now)
    Worker.objects.create(id="silent", hostname="h", pid=2, concurrency=8, heartbeat_at=now - timedelta(hours=1))
    sampling.sample()
    count("mail", "completed", 30)
    count("mail", "retry", 10)
    sampling.sample()
    QueueMinute.objects.update(seconds=60)


def texts(response, css):
    """Give the words of the page without its tags, from the first element of this class or id."""
    page = response.content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index(css) :]))


def test_live_numbers_come_first(viewer, busy):
    shown = texts(viewer.get("/admin/"), "live-numbers")
    for words in ("1 ready", "1 running of 8 slots", "1 for later 1 to be tried again", "10 min oldest due",
                  "1 dead letters open", "1 worker alive 1 is silent"):  # fmt: skip
        assert words in shown, words


@pytest.mark.parametrize("asked", ["1h", "24h", "7d", "nonsense"])
def test_charts_and_their_numbers_tell_of_the_time_that_is_asked_for(viewer, busy, asked):
    response = viewer.get("/admin/", {"range": asked})
    shown = texts(response, 'class="ranges"')
    assert "Throughput" in shown and "30 a minute" in shown
    assert "Failure rate attempts that failed 25 %" in shown
    assert "p95" in shown and "Data through" in shown
    assert response.content.decode().count('class="canvas"') == 4
    row = texts(response, "charts as numbers")
    assert " 40 30 10 0 25 %" in row


def test_without_a_worker_the_page_says_that_nothing_is_counted(viewer, db):
    assert "Nothing has been counted yet" in texts(viewer.get("/admin/"), 'class="ranges"')
    QueueTotal.objects.create(queue="", at=datetime.now(UTC) - timedelta(hours=2))
    assert "no worker has counted since" in texts(viewer.get("/admin/"), 'class="ranges"')


def test_a_backlog_beyond_a_live_look_is_told_as_it_was_last_counted(viewer, monkeypatch):
    monkeypatch.setitem(glance._CAPS, "most", 3)
    for _ in range(7):
        new_job(queue="mail")
    sampling.sample()
    shown = texts(viewer.get("/admin/"), "live-numbers")
    assert "3+ ready" in shown and "7 pending, counted" in shown


def test_what_wants_attention_is_listed(operator, busy):
    queues.pause("mail", operator.user, "the provider is down")
    shown = texts(operator.get("/admin/"), 'id="attention"')
    assert "mail" in shown and "the provider is down" in shown and "1 worker" in shown


def test_bulk_operations_under_way_show_how_far_they_are(viewer):
    BulkOperation.objects.create(
        target="dead_letter", action="redrive", selector={"filter": {}}, upper_bound=uuid7(), matched=2_000, done=450,
        skipped=50, actor_name="hana",
    )  # fmt: skip
    page = viewer.get("/admin/").content.decode()
    assert '<progress value="500" max="2000"' in page
    assert "500 / 2,000" in texts(viewer.get("/admin/"), 'id="operations"')


def test_schedules_that_are_late_or_failing_come_before_those_that_are_due(viewer):
    now = datetime.now(UTC)
    every = {"type": "timedelta", "seconds": 60}
    for name, at, error in (("next", 60, ""), ("late", -600, ""), ("broken", 60, "it has no payload")):
        Schedule.objects.create(
            name=name, job_type="t", schedule_interval=every, next_run_at=now + timedelta(seconds=at), last_error=error
        )
    attention = texts(viewer.get("/admin/"), 'id="attention"')
    bad, _, following = attention.partition("Schedules due next")
    assert "late late" in bad and "failing broken" in bad and "it has no payload" in bad
    assert "next" in following and "broken" not in following.partition("Health")[0]


def test_search_that_is_behind_is_told(viewer, monkeypatch):
    monkeypatch.setattr("jobs.admin.overview.conf.search_urls", lambda: ["http://127.0.0.1:9"])
    monkeypatch.setattr("jobs.admin.overview.lag", lambda: 90.0)
    assert "1.5 min behind" in texts(viewer.get("/admin/"), 'id="attention"')


def test_all_queues_are_paused_by_operators_only(viewer, operator):
    assert "Pause all queues" in operator.get("/admin/").content.decode()
    assert "Pause all queues" not in viewer.get("/admin/").content.decode()


@pytest.mark.parametrize("asked", ["1h", "7d"])
def test_the_page_takes_few_queries(viewer, busy, asked):
    viewer.get("/admin/")
    with CaptureQueriesContext(connection) as found:
        viewer.get("/admin/", {"range": asked})
    asking = [query["sql"] for query in found.captured_queries if not query["sql"].startswith(NO_QUERIES)]
    assert len(asking) < 15, "\n".join(sql[:150] for sql in asking)
