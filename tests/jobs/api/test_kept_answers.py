"""`GET /jobs/{id}` with Redis: the same answers for less work, nobody else's, and every end at once."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.redis_link import RedisLink
from accounts.roles import Role
from jobs import control, dead_letters, status_cache
from jobs.api.watching import Watch, Watchers
from jobs.enqueue import enqueue
from jobs.models import DeadLetter, Job
from jobs.statuses import Status
from jobs.testing import run_job
from tests.api_client import client_of, problem
from tests.factories import UserFactory
from tests.redis_server import RedisServer, linked, running_redis

Submit = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(autouse=True)
def link(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisLink]:
    # What is to be gone by a write is not to be gone by itself, however slow the machine.
    monkeypatch.setattr(status_cache, "KEPT_MS", 60_000)
    with linked(server.url) as link:
        link.client().flushall()
        yield link


@pytest.fixture
def job(submit: Submit) -> str:
    return f"/api/v1/jobs/{submit(payload={'text': '走れ'})['job_id']}"


def pk(path: str) -> UUID:
    return UUID(path.rpartition("/")[2])


def get(client: APIClient, path: str, **headers: str) -> tuple[Any, bool]:
    """Give the answer, and whether the job was read from the database for it."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path, headers=headers)
    return answer, any("FROM job_queue" in query["sql"] for query in queries.captured_queries)


def kept(client: APIClient, path: str) -> Any:
    """Look often enough that the answer is kept, and give it."""
    client.get(path)
    answer, read = get(client, path)
    assert not read
    return answer


def test_a_second_look_is_the_same_answer_without_the_database(client, job):
    first, read = get(client, job)
    assert read
    again, read = get(client, job)
    assert not read
    assert again.content == first.content and again.status_code == 200
    own = {"X-Request-ID", "RateLimit"}
    assert {k: v for k, v in again.headers.items() if k not in own} == {
        k: v for k, v in first.headers.items() if k not in own
    }


def test_an_etag_that_is_known_gets_304_from_what_is_kept(client, job):
    tag = kept(client, job)["ETag"]
    answer, read = get(client, job, **{"If-None-Match": tag})
    assert (answer.status_code, answer.content, read) == (304, b"", False)
    answer, read = get(client, job, **{"If-None-Match": '"v999"'})
    assert (answer.status_code, answer["ETag"], read) == (200, tag, False)


def test_clients_that_know_its_etag_are_enough_to_keep_that(client, job):
    tag = client.get(job)["ETag"]
    forget_blocks(job)
    for reads in (True, False):
        answer, read = get(client, job, **{"If-None-Match": tag})
        assert (answer.status_code, read) == (304, reads)
    # Without a body the database is asked, and then the body is there too.
    for reads in (True, False):
        answer, read = get(client, job)
        assert (answer.status_code, answer["ETag"], read) == (200, tag, reads)
        assert answer.json()["payload"] == {"text": "走れ"}
    assert get(client, job, **{"If-None-Match": tag})[1] is False


def test_what_was_told_is_not_taken_back_by_a_slow_reader(client, job):
    """He read before a change that nobody blocks, as when a worker takes the job, and keeps his answer after it."""
    slow = status_cache.look(pk(job)).lease
    assert slow
    Job.objects.filter(pk=pk(job)).update(progress_message="begun")
    told = client.get(job).json()
    status_cache.keep(slow, status_cache.Answer(None, told["version"] - 1, b"{}"))
    assert client.get(job).json() == told


def test_nobody_else_is_told(client, client_as, job):
    body = kept(client, job).json()
    problem(client_of(UserFactory()).get(job), 404, "not-found")
    problem(APIClient().get(job), 401, "not-authenticated")
    for role in (Role.OPERATOR, Role.VIEWER, Role.ADMIN):
        answer, read = get(client_as(role), job)
        assert (answer.json(), read) == (body, False)
    assert get(client, job)[0].json() == body


def test_staff_keep_it_for_the_owner_and_for_nobody_else(client, operator, job):
    kept(operator, job)
    assert get(client, job)[1] is False
    problem(client_of(UserFactory()).get(job), 404, "not-found")


def test_a_job_of_nobody_is_for_staff(operator, client, echo_type):
    path = f"/api/v1/jobs/{enqueue('echo', {}).id}"
    kept(operator, path)
    problem(client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?wait=0", {}),
        ("", {"Prefer": "wait=0"}),
        ("", {"Accept": "application/json; indent=4"}),
    ],
)
def test_whoever_asks_for_more_reads_the_database(client, job, query, headers):
    kept(client, job)
    assert get(client, job + query, **headers)[1]


def test_head_is_as_before(client, job):
    kept(client, job)
    answer = client.head(job)
    assert (answer.status_code, answer["ETag"]) == (200, '"v1"')


def test_an_end_is_seen_at_once(client, job):
    assert kept(client, job).json()["status"] == "pending"
    run_job(Job.objects.get(pk=pk(job)))
    assert client.get(job).json()["status"] == "completed"
    assert client.get(job).json()["result"] == "走れ"


def act(name: str, client: APIClient, path: str, actor: Any) -> None:
    letter = DeadLetter.objects.filter(original_job_id=pk(path)).first()
    match name:
        case "change":
            client.patch(path, {"priority": 9}, headers={"If-Match": "*"})
        case "cancel":
            client.post(f"{path}/cancel", {})
        case "delete":
            client.delete(path)
        case "redrive" | "discard" | "resolve":
            getattr(dead_letters, name)(letter.pk, actor)


@pytest.mark.parametrize("name", ["change", "cancel"])
def test_acts_of_people_are_seen_at_once(client, user, job, name):
    before = kept(client, job).json()
    act(name, client, job, user)
    after = client.get(job).json()
    assert after["version"] > before["version"]


def test_a_deleted_job_is_gone_at_once_and_a_restored_one_is_back(client, job):
    kept(client, job)
    assert client.delete(job).status_code == 204
    problem(client.get(job), 404, "not-found")
    assert client.post(f"{job}/restore", {}).status_code == 200
    assert client.get(job).json()["status"] == "cancelled"


@pytest.mark.parametrize("name", ["redrive", "discard", "resolve"])
def test_what_becomes_of_a_dead_letter_is_seen_at_once(client, user, register, name):
    def fail(ctx: Any) -> None:
        raise ValueError("no")

    register("fail", fail, max_retries=0)
    path = f"/api/v1/jobs/{enqueue('fail', {}, user=user).id}"
    run_job(Job.objects.get(pk=pk(path)))
    # Longer than a write keeps readers off.
    forget_blocks(path)
    assert kept(client, path).json()["status"] == "dead_letter"
    act(name, client, path, user)
    wanted = {"redrive": "pending", "discard": "failed", "resolve": "completed"}[name]
    assert client.get(path).json()["status"] == wanted


def test_a_retry_of_a_job_that_ended_is_seen_at_once(client, user, job):
    control.cancel(pk(job), user)
    # Longer than a write keeps readers off.
    forget_blocks(job)
    assert kept(client, job).json()["status"] == "cancelled"
    client.post(f"{job}/retry", {})
    assert client.get(job).json()["status"] == "pending"


def forget_blocks(path: str) -> None:
    from accounts.redis_link import redis_link

    link = redis_link()
    assert link is not None
    link.client().delete(f"{link.prefix}:job:{pk(path)}")


def test_what_the_database_may_end_by_itself_is_not_kept(client, submit, user):
    parent = submit()["job_id"]
    ids = [
        submit(expires_at=(timezone.now() + timedelta(hours=1)).isoformat())["job_id"],
        submit(depends_on=[parent])["job_id"],
        submit(parent_id=parent)["job_id"],
    ]
    for job_id in ids:
        client.get(f"/api/v1/jobs/{job_id}")
        assert get(client, f"/api/v1/jobs/{job_id}")[1], job_id


def test_whoever_is_told_of_an_end_finds_it_also_when_the_block_was_lost(client, user, job, monkeypatch):
    # It closes the connection that the test is in.
    monkeypatch.setattr("jobs.api.watching.close_old_connections", lambda: None)
    assert kept(client, job).json()["status"] == "pending"
    # In SQL, past everything that could block it.
    Job.objects.filter(pk=pk(job)).update(status=Status.CANCELLED)
    assert client.get(job).json()["status"] == "pending", "for less than a second"
    watchers, loop = Watchers(), asyncio.new_event_loop()
    watchers._watches[pk(job)] = {Watch(pk(job), user.pk, loop, seen=1)}
    watchers._look()
    assert client.get(job).json()["status"] == "cancelled"
    loop.close()


def test_an_event_stream_that_ends_at_once_is_believed(client, job):
    kept(client, job)
    Job.objects.filter(pk=pk(job)).update(status=Status.CANCELLED)
    client.get(f"{job}/events")
    assert client.get(job).json()["status"] == "cancelled"


def test_a_redis_that_dies_or_is_full_is_seen_by_no_client(client, server, link, job):
    body = kept(client, job).json()
    link.client().config_set("maxmemory", 1)
    answer, read = get(client, job)
    assert (answer.json(), read) == (body, False)
    control.cancel(pk(job), User.objects.get(user_id=body["user_id"]))
    assert client.get(job).json()["status"] == "cancelled"
    link.client().config_set("maxmemory", 0)
    forget_blocks(job)
    kept(client, job)
    server.kill()
    answer, read = get(client, job)
    assert (answer.json()["status"], read) == ("cancelled", True)
    server.start()
