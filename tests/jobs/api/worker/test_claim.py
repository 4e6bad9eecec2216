from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs.enqueue import enqueue
from jobs.models import DeadLetter, Function, Job, OutcomeCounter, ProcessingLock, Queue
from tests.api_client import client_of, problem
from tests.factories import UserFactory
from tests.jobs.api.worker.conftest import Claim, Post, function

pytestmark = pytest.mark.django_db

Ask = Callable[..., Job]


def raw_job(job_type: str, payload: str, queue: str = "lang.node") -> str:
    """Put in a job as SQL may, past all checks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO job_queue (job_type, queue, priority, payload) VALUES (%s, %s, 10, %s) RETURNING id::text",
            [job_type, queue, payload],
        )
        return str(cursor.fetchone()[0])


def test_a_claim_hands_out_what_a_worker_needs_to_know(ask: Ask, claim: Claim) -> None:
    job = ask(timeout=30)
    (found,) = claim(lock_seconds=60)

    lock = ProcessingLock.objects.get(job=job)
    expires_at = parse_datetime(found.pop("expires_at"))
    assert expires_at is not None and timedelta(50) > expires_at - timezone.now() > timedelta(seconds=50)
    assert found == {
        "job_id": str(job.pk),
        "job_type": "node-thumbnail",
        "language_title": "node-thumbnail",
        "payload": {"url": "u"},
        "lock_token": lock.lock_token,
        "attempt": 1,
        "max_retries": 2,
        "timeout": 30.0,
        "session": None,
        "traceparent": None,
    }
    assert lock.worker_id == "node-farm/w-1"
    assert claim() == []


def test_the_most_urgent_come_first_and_no_more_than_asked_for(ask: Ask, claim: Claim) -> None:
    jobs = [ask(priority=priority) for priority in (5, 9, 7)]

    assert [each["job_id"] for each in claim(batch=2)] == [str(jobs[1].pk), str(jobs[2].pk)]
    assert [each["job_id"] for each in claim(batch=100)] == [str(jobs[0].pk)]


def test_a_worker_gets_its_languages_and_functions_only(ask: Ask, claim: Claim, echo_type: Any) -> None:
    ask()
    function("thumbnail", "ruby")
    function("crop")
    ruby, crop = (enqueue(name, {"url": "u"}).id for name in ("ruby-thumbnail", "node-crop"))
    enqueue("echo", {})

    assert [each["job_id"] for each in claim(batch=9, languages=["ruby"])] == [str(ruby)]
    assert claim(languages=["go"]) == []
    assert claim(types=["ruby-crop"], languages=["node"]) == []
    assert [each["job_id"] for each in claim(batch=9, types=["node-crop"])] == [str(crop)]
    assert len(claim(batch=9, languages=["ruby", "node"])) == 1
    assert Job.objects.get(job_type="echo").status == "pending"


def test_types_alone_say_the_language(ask: Ask, post: Post) -> None:
    job = ask()
    body = {"worker_id": "w", "types": ["node-thumbnail", "ruby-x"]}
    assert [each["job_id"] for each in post("claim", body).json()["jobs"]] == [str(job.pk)]


def test_a_paused_queue_gives_nothing(ask: Ask, claim: Claim) -> None:
    ask()
    Queue.objects.create(name="lang.node", paused=True)
    assert claim() == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"languages": ["python"]}, "#/languages/0"),
        ({"types": ["python-summarize"]}, "#/types/0"),
        ({"types": ["summarize"]}, "#/types/0"),
        ({"languages": ["no way"]}, "#/languages/0"),
        ({"languages": []}, "#/languages"),
        ({}, "#"),
        ({"languages": ["node"], "batch": 101}, "#/batch"),
        ({"languages": ["node"], "batch": 0}, "#/batch"),
        ({"languages": ["node"], "lock_seconds": 0}, "#/lock_seconds"),
        ({"languages": ["node"], "lock_seconds": 3601}, "#/lock_seconds"),
        ({"languages": ["node"], "wait": 5}, "#/wait"),
        ({"languages": ["node"], "worker_id": "a b"}, "#/worker_id"),
        ({"languages": ["node"], "worker_id": "x" * 101}, "#/worker_id"),
    ],
)
def test_a_wrong_wish_is_refused(post: Post, body: dict[str, Any], pointer: str) -> None:
    refused = problem(post("claim", {"worker_id": "w-1", **body}), 422, "validation")
    assert [error["pointer"] for error in refused["errors"]] == [pointer]


@pytest.mark.parametrize("role", [Role.USER, Role.OPERATOR, Role.VIEWER])
@pytest.mark.parametrize("path", ["claim", "renew", "progress", "complete", "fail"])
def test_only_workers_may(client_as: Callable[[Role], APIClient], post: Post, role: Role, path: str) -> None:
    problem(post(path, {}, client=client_as(role)), 403, "role-missing")


def test_a_worker_with_a_list_of_languages_gets_no_others(claim: Claim, post: Post) -> None:
    client = client_of(UserFactory(role=Role.WORKER, allowed_languages=["node"]))
    assert claim(client=client) == []
    body = {"worker_id": "w", "languages": ["node", "ruby"]}
    problem(post("claim", body, client=client), 403, "language-not-allowed")


POISON = {
    "an unknown function": ("node-nothing", '{"url": "u"}', "UnknownJobType"),
    "a function that is off": ("node-off", '{"url": "u"}', "FunctionInactive"),
    "a name of Python's": ("echo", "{}", "UnknownJobType"),
    "another language's": ("ruby-thumbnail", '{"url": "u"}', "UnknownJobType"),
    "no object": ("node-thumbnail", "[1]", "InvalidPayload"),
    "null": ("node-thumbnail", "null", "InvalidPayload"),
    "what the schema refuses": ("node-thumbnail", '{"url": 5}', "InvalidPayload"),
    "a very long integer": ("node-thumbnail", '{"url": "u", "n": %s}' % ("9" * 6000), "InvalidPayload"),
    "infinity": ("node-thumbnail", '{"url": "u", "n": 1e400}', "InvalidPayload"),
    "depth": ("node-thumbnail", '{"url": "u", "n": %s}' % ("[" * 5000 + "]" * 5000), "InvalidPayload"),
}


def test_what_nobody_can_do_is_dead_lettered_and_holds_up_nothing(ask: Ask, claim: Claim, echo_type: Any) -> None:
    function("off", is_active=False)
    function("thumbnail", "ruby")
    fine = ask()
    poison = {name: raw_job(job_type, payload) for name, (job_type, payload, _) in POISON.items()}

    # All of them are more urgent than the one that can be done.
    assert [each["job_id"] for each in claim(batch=2)] == [str(fine.pk)]
    found = DeadLetter.objects.open().values_list("original_job_id", "error_class")
    expected = {poison[name]: error_class for name, (_, _, error_class) in POISON.items()}
    assert {str(job_id): error_class for job_id, error_class in found} == expected
    assert not ProcessingLock.objects.exclude(job=fine).exists()


def test_poison_is_counted(ask: Ask, claim: Claim, django_capture_on_commit_callbacks: Any) -> None:
    raw_job("node-nothing", "{}")
    with django_capture_on_commit_callbacks(execute=True):
        assert claim() == []
    counter = OutcomeCounter.objects.get()
    assert (counter.queue, counter.job_type, counter.outcome, counter.count) == (
        *("lang.node", "node-nothing", "deadlettered"), 1,
    )  # fmt: skip


def test_a_job_whose_owner_lost_the_right_is_not_handed_out(ask: Ask, claim: Claim, owner: User) -> None:
    job, systems = ask(), ask(user=None)
    User.objects.filter(pk=owner.pk).update(allowed_languages=["python"])

    assert [each["job_id"] for each in claim(batch=9)] == [str(systems.pk)]
    letter = DeadLetter.objects.open().get()
    assert (letter.original_job_id, letter.error_class) == (job.pk, "LanguageNotAllowed")


def test_a_function_that_vanished_while_its_job_waited(ask: Ask, claim: Claim, thumbnail: Function) -> None:
    job = ask()
    thumbnail.delete()

    assert claim() == []
    job.refresh_from_db()
    assert (job.status, job.error_details["kind"]) == ("dead_letter", "non_retryable")


def test_without_an_event_loop_a_wish_to_wait_is_answered_at_once(claim: Claim, post: Post) -> None:
    response = post("claim?wait=30", {"worker_id": "w", "languages": ["node"]})
    assert (response.status_code, response.json()) == (200, {"jobs": []})
    problem(post("claim?wait=x", {"worker_id": "w", "languages": ["node"]}), 422, "validation")
