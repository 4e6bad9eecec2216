"""Every word of a worker names a job and its token; whoever does not hold them changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs import locks
from jobs.enqueue import enqueue
from jobs.models import Job, ProcessingLock
from jobs.models.columns import ClockTimestamp
from jobs.registry import JobType
from jobs.worker import maintenance
from tests.api_client import client_of, problem
from tests.factories import UserFactory
from tests.jobs.api.worker.conftest import Claim, Post, hold
from tests.jobs.rows import start

pytestmark = pytest.mark.django_db

Ask = Callable[..., Job]

#: What is said of a job by each of the addresses that answer 409.
WORDS: dict[str, dict[str, Any]] = {
    "progress": {"percent": 50},
    "complete": {"result": {"late": True}},
    "fail": {"kind": "non_retryable", "error_class": "Late"},
}
NOBODYS = "018f0000-0000-7000-8000-000000000000"


class Scene:
    """A job and what somebody says of it who does not hold it."""

    def __init__(self, ask: Ask, claim: Claim, post: Post) -> None:
        self.ask, self.claim, self.post = ask, claim, post

    def wrong_token(self) -> dict[str, Any]:
        self.ask()
        (mine,) = self.claim()
        return {**hold(mine), "lock_token": mine["lock_token"] + 1}

    def token_of_another_job(self) -> dict[str, Any]:
        self.ask(), self.ask()
        one, other = self.claim(batch=2)
        return {**hold(one), "lock_token": other["lock_token"]}

    def no_such_job(self) -> dict[str, Any]:
        self.ask()
        return {**hold(self.claim()[0]), "job_id": NOBODYS}

    def completed(self) -> dict[str, Any]:
        self.ask()
        (mine,) = self.claim()
        assert self.post("complete", hold(mine)).json()["status"] == "completed"
        return hold(mine)

    def rescued(self) -> dict[str, Any]:
        self.ask()
        (mine,) = self.claim()
        ProcessingLock.objects.update(expires_at=ClockTimestamp())
        assert maintenance.rescue() == 1
        return hold(mine)

    def claimed_by_another(self) -> dict[str, Any]:
        late = self.rescued()
        Job.objects.update(scheduled_at=ClockTimestamp())
        assert self.claim(worker_id="w-2")[0]["attempt"] == 2
        return late

    def released_by_hand(self) -> dict[str, Any]:
        self.ask()
        (mine,) = self.claim()
        locks.release(mine["job_id"], UserFactory())
        return hold(mine)

    def another_users(self) -> dict[str, Any]:
        self.ask()
        others = client_of(UserFactory(role=Role.WORKER))
        return hold(self.claim(client=others)[0])

    def a_python_workers(self) -> dict[str, Any]:
        job = enqueue("echo", {}).fetch()
        # Whatever name it had taken.
        return {"job_id": str(job.pk), "lock_token": start(job, "node-farm/w-1").lock_token}


SCENES = [name for name in vars(Scene) if not name.startswith("_")]


@pytest.fixture
def scene(ask: Ask, claim: Claim, post: Post, echo_type: JobType) -> Scene:
    return Scene(ask, claim, post)


def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Job, ProcessingLock)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", WORDS)
@pytest.mark.parametrize("name", SCENES)
def test_whoever_does_not_hold_the_job_changes_nothing(scene: Scene, post: Post, name: str, path: str) -> None:
    named = getattr(scene, name)()
    before = rows()

    problem(post(path, {**named, **WORDS[path]}), 409, "lock-lost")

    assert rows() == before


@pytest.mark.parametrize("name", SCENES)
def test_nothing_of_it_is_renewed(scene: Scene, post: Post, name: str) -> None:
    named = getattr(scene, name)()
    before = rows()

    answer = post("renew", {"worker_id": "w-1", "jobs": [named], "lock_seconds": 3600})

    lost = {"held": False, "cancel_requested": False, "timed_out": False}
    assert answer.json() == {"jobs": [{"job_id": named["job_id"], **lost}]}
    assert rows() == before


def test_who_comes_after_a_lost_worker_does_the_job(scene: Scene, claim: Claim, post: Post) -> None:
    late = scene.rescued()
    Job.objects.update(scheduled_at=ClockTimestamp())
    (mine,) = claim(worker_id="w-2")

    problem(post("complete", {**late, "result": "late"}), 409, "lock-lost")
    assert post("complete", {**hold(mine), "result": "in time"}).json()["status"] == "completed"

    job = Job.objects.get()
    assert (job.result, job.attempt, job.retry_count) == ("in time", 2, 1)
    assert [error["error_class"] for error in job.error_history] == ["LostWorker"]


def test_an_expired_lock_is_good_until_somebody_else_has_the_job(ask: Ask, claim: Claim, post: Post) -> None:
    ask()
    (mine,) = claim()
    ProcessingLock.objects.update(expires_at=ClockTimestamp())

    assert post("complete", hold(mine)).json()["status"] == "completed"


@pytest.mark.parametrize("path", ["progress", "complete", "fail", "renew"])
@pytest.mark.parametrize(
    "wrong",
    [{"lock_token": 0}, {"lock_token": 2**63}, {"lock_token": "1"}, {"job_id": "x"}, {"job_id": 5}, {"more": 1}],
)
def test_names_that_cannot_be_are_refused(post: Post, path: str, wrong: dict[str, Any]) -> None:
    named = {"job_id": NOBODYS, "lock_token": 1, **wrong}
    body = {"worker_id": "w", "jobs": [named]} if path == "renew" else {**named, **WORDS[path]}
    problem(post(path, body), 422, "validation")


def test_a_worker_of_the_same_user_cannot_renew_for_another(
    ask: Ask, claim: Claim, post: Post, worker: APIClient
) -> None:
    ask()
    (mine,) = claim()
    answer = post("renew", {"worker_id": "w-2", "jobs": [hold(mine)]})
    assert not answer.json()["jobs"][0]["held"]
