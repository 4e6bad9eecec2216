"""Workers in other languages keep the same limits, take the same turns, and are told as soon as there is room."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from jobs import lanes, queues
from jobs.announce import queues_of
from jobs.models import Job
from tests.factories import UserFactory
from tests.jobs.api.worker.conftest import Claim, Post, hold

pytestmark = pytest.mark.django_db

Ask = Callable[..., Job]


def test_one_job_of_a_key_at_a_time(ask: Ask, claim: Claim, post: Post) -> None:
    first, second = ask(concurrency_key="k"), ask(concurrency_key="k")
    (found,) = claim(batch=5)
    assert found["job_id"] == str(first.pk)
    assert claim(batch=5) == []
    post("complete", {**hold(found), "result": 1})
    assert [each["job_id"] for each in claim(batch=5)] == [str(second.pk)]


def test_the_end_of_a_limited_job_is_announced(
    ask: Ask, claim: Claim, post: Post, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable
) -> None:
    said: list[str] = []
    monkeypatch.setattr("jobs.announce._notify", lambda messages, using: said.extend(messages))
    ask(concurrency_key="k")
    (found,) = claim()
    said.clear()
    with django_capture_on_commit_callbacks(execute=True):
        post("complete", {**hold(found), "result": 1})
    assert said == ['~[["lang.node", "k"]]']
    assert queues_of(said[0]) == {"lang.node"}


def test_a_limit_and_a_rate_of_the_queue(ask: Ask, claim: Claim, worker_user: User) -> None:
    queues.configure("lang.node", worker_user, concurrency_limit=2)
    for _ in range(5):
        ask()
    assert len(claim(batch=5)) == 2
    assert claim(batch=5) == []
    queues.configure("lang.node", worker_user, concurrency_limit=None, rate_limit="1/d")
    assert len(claim(batch=5)) == 1
    assert claim(batch=5) == []


def test_users_take_turns_though_nobody_remembers_whose_it_is(ask: Ask, claim: Claim, worker_user: User) -> None:
    queues.configure("lang.node", worker_user, fair=True)
    users = [UserFactory() for _ in range(3)]
    for user in users:
        for _ in range(4):
            ask(user=user)
    owners = [Job.objects.get(pk=claim()[0]["job_id"]).user_id for _ in range(6)]
    assert sorted(owners[:3]) == sorted(user.pk for user in users)
    assert owners[3:] == owners[:3]


def test_blocked_keys_hide_no_other(ask: Ask, claim: Claim) -> None:
    for n in range(150):
        ask(concurrency_key=f"k{n:03}")
    held = [each["job_id"] for _ in range(3) for each in claim(batch=50)]
    assert len(held) == 150
    for n in range(150):
        ask(concurrency_key=f"k{n:03}")
    last = ask(concurrency_key="z")
    found = [claim() for _ in range(3)]
    assert [each["job_id"] for jobs in found for each in jobs] == [str(last.pk)]


def test_expired_and_waiting_jobs_are_not_handed_out(ask: Ask, claim: Claim) -> None:
    late = ask(expires_at=timezone.now() - timedelta(minutes=1))
    first = ask(delay=3600)
    ask(depends_on=[first])
    assert claim(batch=5) == []
    late.refresh_from_db()
    assert late.status == "cancelled"


def test_a_job_of_a_fair_queue_that_sql_submits_has_a_lane_too(worker_user: User) -> None:
    queues.configure("q", worker_user, fair=True)
    lanes.forget()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT enqueue_job('t', p_queue => 'q'), enqueue_job('t', p_queue => 'q', p_concurrency_key => 'k')"
        )
        plain, keyed = (Job.objects.get(pk=job_id) for job_id in cursor.fetchone())
    assert (plain.lane_key, plain.concurrency_limit) == ("u:-", None)
    assert (keyed.lane_key, keyed.concurrency_limit) == ("u:-/k:k", 1)


def test_what_one_user_leaves_of_a_batch_others_have(ask: Ask, claim: Claim, worker_user: User) -> None:
    queues.configure("lang.node", worker_user, fair=True)
    busy, quiet = UserFactory(), UserFactory()
    for _ in range(20):
        ask(user=busy)
    ask(user=quiet)
    assert len(claim(batch=10)) == 10
