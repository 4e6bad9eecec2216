"""A job's life is told without gaps, and drawn so that everything in it is seen."""

import itertools
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from jobs import dead_letters
from jobs.admin.attempts import failed_attempts
from jobs.admin.life import life
from jobs.admin.tasks import task_panel
from jobs.admin.timeline import NARROWEST, TASKS, WIDTH, timeline
from jobs.log_lines import Line, keep
from jobs.models import Batch, DeadLetter, Dependency, Job, Task
from tests.jobs.rows import dead_letter, fail, finish, new_job, start

pytestmark = pytest.mark.django_db


def told(job):
    job.refresh_from_db()
    errors = list(reversed(failed_attempts(job.error_history)))
    return life(job, errors, DeadLetter.objects.filter(original_job=job), now())


def aged(job, **fields):
    Job.objects.filter(pk=job.pk).update(**fields)
    job.refresh_from_db()
    return job


def kinds(stretches):
    return [stretch.kind for stretch in stretches]


def test_it_has_no_gaps_and_no_overlaps():
    begun = now() - timedelta(hours=1)
    job = aged(new_job(), created_at=begun, scheduled_at=begun)
    for _number in range(3):
        fail(job, seconds=0.2)
    stretches = told(job)
    assert stretches[0].begin == job.created_at
    assert all(one.end == other.begin for one, other in itertools.pairwise(stretches))
    assert all(stretch.end >= stretch.begin for stretch in stretches)
    assert kinds(stretches).count("failed") == 3


def test_one_attempt():
    begun = now() - timedelta(seconds=9)
    job = finish(aged(new_job(), created_at=begun, scheduled_at=begun))
    assert kinds(told(job)) == ["waiting", "completed"]


def test_waiting_for_its_time_and_for_a_worker_are_told_apart():
    later = aged(new_job(), created_at=now() - timedelta(hours=2), scheduled_at=now() - timedelta(hours=1))
    assert kinds(told(later)) == ["backoff", "waiting"]
    not_due = aged(new_job(), created_at=now() - timedelta(hours=2), scheduled_at=now() + timedelta(hours=1))
    assert kinds(told(not_due)) == ["backoff", "ahead"]
    job = aged(new_job(), created_at=now() - timedelta(hours=2), waits_for="event")
    (waits,) = told(job)
    assert waits.label == "Waits for an event"


def test_a_running_attempt_goes_up_to_now():
    job = new_job()
    start(job)
    assert told(job)[-1].kind == "running" and now() - told(job)[-1].end < timedelta(seconds=5)


def test_a_redriven_job_tells_how_long_it_lay(operator):
    letter = dead_letter(aged(new_job(), created_at=now() - timedelta(hours=2), max_retries=5))
    dead_letters.redrive(letter.pk, operator.user)
    job = finish(letter.original_job)
    assert kinds(told(job))[-1] == "completed" and "dead" in kinds(told(job))


def test_thirty_attempts_are_all_seen():
    begun = now() - timedelta(days=3)
    job = aged(new_job(max_retries=100), created_at=begun)
    history = [
        {"attempt": n + 1, "at": (begun + timedelta(minutes=2 ** (n / 3))).isoformat(), "seconds": 0.05, "message": "x"}
        for n in range(30)
    ]
    job = aged(job, error_history=history, attempt=30, retry_count=30)
    drawn = timeline(job, list(reversed(failed_attempts(history))), [], [])
    bars = drawn.main.bars
    assert len([bar for bar in bars if bar.kind == "failed"]) == 30 and not drawn.even
    assert min(bar.width for bar in bars) >= min(NARROWEST, WIDTH / 2 / len(bars)) - 0.2
    assert abs(sum(bar.width for bar in bars) - WIDTH) < len(bars)
    places = [bar.x for bar in bars]
    assert places == sorted(places)


def test_the_page_of_a_job_asks_little_whatever_it_went_through(operator):
    job, errors = new_job(max_retries=100, batch=Batch.objects.create(total=1)), []
    for number in range(30):
        errors.append({"attempt": number + 1, "at": now().isoformat(), "message": "x", "worker": "w", "seconds": 1})
    aged(job, error_history=errors, attempt=30)
    start(job)
    Task.objects.bulk_create(Task(job=job, position=n + 1, name="t", started_at=now()) for n in range(300))
    for _number in range(3):
        child = new_job(parent=job)
        Dependency.objects.create(job=child, depends_on=job)
        Dependency.objects.create(job=job, depends_on=new_job())
    keep([Line(str(job.pk), 31, n, now(), "INFO", "jobs.handler", "x") for n in range(500)], 400)
    url = reverse("admin:jobs_job_change", args=[job.pk])
    with CaptureQueriesContext(connection) as queries:
        text = operator.get(url).content.decode()
    asked = [query["sql"] for query in queries.captured_queries]
    asked = [
        sql for sql in asked if sql.startswith(("SELECT", "(")) and "act_as" not in sql and "set_config" not in sql
    ]
    assert len(asked) <= 16, asked
    assert "Attempt 31" in text and "300 pending" in text and text.count('class="node ') == 7


def test_of_many_tasks_those_that_took_longest_are_drawn(django_assert_max_num_queries):
    job = new_job()
    start(job)
    Task.objects.bulk_create(
        Task(
            job=job, position=n + 1, name=f"step {n}", status="completed", started_at=now() - timedelta(seconds=n + 1),
            completed_at=now(),
        )
        for n in range(500)
    )  # fmt: skip
    job.refresh_from_db()
    with django_assert_max_num_queries(3):
        drawn = timeline(job, [], [], [], task_panel(job))
    assert [lane.name for lane in drawn.tasks] == [f"step {n}" for n in range(500 - TASKS, 500)]
    assert drawn.more == 500 - TASKS
