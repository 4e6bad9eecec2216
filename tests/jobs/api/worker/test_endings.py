from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from jobs import control, observers, result_cache
from jobs.enqueue import enqueue
from jobs.models import DeadLetter, Function, Job, OutcomeCounter, ProcessingLock
from jobs.models.columns import ClockTimestamp
from jobs.observers import Ended
from jobs.outcomes import Cancelled, Completed, DeadLettered, Retry, Snoozed, Usage
from jobs.remote.ending import DETAILS_MAX_BYTES
from tests.api_client import problem
from tests.jobs.api.worker.conftest import Claim, Post, function, hold

pytestmark = pytest.mark.django_db

Ask = Callable[..., Job]


@pytest.fixture
def mine(ask: Ask, claim: Claim) -> dict[str, Any]:
    """A job in hand, whose request is logged."""
    ask(request_id="r-1")
    return claim()[0]


def job() -> Job:
    return Job.objects.get()


def test_a_result_is_stored(mine: dict[str, Any], post: Post) -> None:
    answer = post("complete", {**hold(mine), "result": {"width": 90, "名": "駅伝"}})
    assert answer.json() == {"job_id": mine["job_id"], "status": "completed"}
    assert (job().status, job().result, job().progress) == ("completed", {"width": 90, "名": "駅伝"}, 100)
    assert not ProcessingLock.objects.exists()


@pytest.mark.parametrize("result", [None, False, 0, "text", []])
def test_a_result_may_be_any_json(mine: dict[str, Any], post: Post, result: Any) -> None:
    assert post("complete", {**hold(mine), "result": result}).status_code == 200
    assert job().result == result


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (rb'"\u0000"', 400, "malformed-json"),
        (rb'"\ud800"', 400, "malformed-json"),
        (b"NaN", 400, "malformed-json"),
        (b"1e310", 400, "malformed-json"),
        (b'{"a": 1, "a": 2}', 400, "malformed-json"),
        (b'"%s"' % (b"x" * 1_048_577), 422, "invalid-payload"),
        (b"[%s]" % b",".join([b'{"a":1}'] * 10_001), 422, "invalid-payload"),
    ],
)
def test_a_result_that_cannot_be_stored_leaves_the_job_held(
    mine: dict[str, Any], post: Post, raw: bytes, status: int, code: str
) -> None:
    head = b'{"job_id": "%s", "lock_token": %d, "result": ' % (mine["job_id"].encode(), mine["lock_token"])
    problem(post("complete", head + raw + b"}", content_type="application/json"), status, code)

    assert job().status == "processing"
    assert post("complete", {**hold(mine), "result": "short"}).status_code == 200


def test_a_result_is_kept_if_the_function_says_so(claim: Claim, post: Post, owner: Any) -> None:
    function("hash", cache_seconds=60)
    enqueue("node-hash", {"url": "u"}, user=owner)
    post("complete", {**hold(claim()[0]), "result": {"sum": 7}})
    kept = result_cache.find("node-hash", "1.0.0", {"url": "u"})
    assert kept is not None and kept.result == {"sum": 7}


def test_a_result_of_a_function_that_is_gone_is_stored_all_the_same(
    mine: dict[str, Any], post: Post, thumbnail: Function
) -> None:
    thumbnail.delete()
    assert post("complete", {**hold(mine), "result": 1}).status_code == 200


def test_secrets_in_errors_are_not_kept(mine: dict[str, Any], post: Post) -> None:
    secret = "hunter2hunter2"
    said = {
        "message": f"cannot log in with password={secret}",
        "stack_trace": f"Error: password={secret}",
        "details": {"password": secret},
    }
    assert post("fail", {**hold(mine), **said}).status_code == 200
    assert secret not in str(job().error_history)


def test_a_request_sent_again_gets_its_first_answer(mine: dict[str, Any], post: Post) -> None:
    body = {**hold(mine), "result": 1}
    first = post("complete", body, HTTP_IDEMPOTENCY_KEY="k-1")
    again = post("complete", body, HTTP_IDEMPOTENCY_KEY="k-1")
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    problem(post("complete", body, HTTP_IDEMPOTENCY_KEY="k-2"), 409, "lock-lost")


def test_a_failure_waits_for_its_retry_and_keeps_what_was_said(mine: dict[str, Any], post: Post) -> None:
    told = {
        "error_class": "TypeError",
        "message": "x is not a function",
        "stack_trace": "TypeError: x\n  at thumbnail (worker.mjs:5:1)",
        "details": {"host": "h"},
    }
    assert post("fail", {**hold(mine), **told}).json()["status"] == "pending"

    now = job()
    assert (now.status, now.attempt, now.retry_count) == ("pending", 1, 1)
    assert timedelta(seconds=0.5) < now.scheduled_at - now.updated_at < timedelta(seconds=1.5)
    entry = now.error_details
    assert entry["traceback"] == told["stack_trace"]
    assert (entry["error_class"], entry["message"], entry["kind"], entry["attempt"]) == (
        *("TypeError", "x is not a function", "retryable"), 1,
    )  # fmt: skip
    assert (entry["details"], entry["worker"]) == ({"host": "h"}, "node-farm/w-1")
    assert now.error_history == [entry]


def test_retries_are_used_up(ask: Ask, claim: Claim, post: Post) -> None:
    ask(max_retries=1)
    for status in ("pending", "dead_letter"):
        Job.objects.update(scheduled_at=ClockTimestamp())
        assert post("fail", {**hold(claim()[0]), "error_class": "Broken"}).json()["status"] == status
    assert DeadLetter.objects.open().get().error_class == "Broken"


@pytest.mark.parametrize(
    ("said", "status", "retries", "seconds"),
    [
        ({"kind": "non_retryable"}, "dead_letter", 0, None),
        ({"kind": "timeout"}, "pending", 1, 1),
        ({"kind": "timeout", "retry_after": 20}, "pending", 1, 20),
        ({"retry_after": 7.5}, "pending", 1, 7.5),
        ({"kind": "rate_limit"}, "pending", 0, 1),
        ({"kind": "rate_limit", "retry_after": 90}, "pending", 0, 90),
        ({"kind": "interrupted"}, "pending", 0, 0),
        ({"kind": "cancelled"}, "cancelled", 0, None),
    ],
)
def test_each_kind_has_its_meaning(
    mine: dict[str, Any], post: Post, said: dict[str, Any], status: str, retries: int, seconds: float | None
) -> None:
    assert post("fail", {**hold(mine), **said}).json()["status"] == status
    assert (job().status, job().retry_count) == (status, retries)
    if seconds is not None:
        assert abs((job().scheduled_at - job().updated_at).total_seconds() - seconds) < 0.5


@pytest.mark.parametrize("kind", ["retryable", "rate_limit", "non_retryable", "interrupted", "cancelled"])
def test_a_job_that_somebody_cancelled_ends_whatever_happened(mine: dict[str, Any], post: Post, kind: str) -> None:
    control.cancel(job().pk, None)
    assert post("fail", {**hold(mine), "kind": kind}).json()["status"] == "cancelled"


def test_long_words_are_cut_and_odd_ones_refused(mine: dict[str, Any], post: Post) -> None:
    problem(post("fail", {**hold(mine), "kind": "sad"}), 422, "validation")
    problem(post("fail", {**hold(mine), "details": [1]}), 422, "validation")
    problem(post("fail", {**hold(mine), "retry_after": -1}), 422, "validation")
    too_much = {"text": "x" * DETAILS_MAX_BYTES}
    problem(post("fail", {**hold(mine), "details": too_much}), 422, "invalid-payload")

    assert post("fail", {**hold(mine), "message": "m" * 50_000, "stack_trace": "s" * 50_000}).status_code == 200
    assert (len(job().error_details["message"]), len(job().error_details["traceback"])) == (2_000, 8_000)


def test_progress_is_seen_and_tells_of_a_cancel(mine: dict[str, Any], post: Post) -> None:
    body = {**hold(mine), "percent": 40.9, "message": "half"}
    assert post("progress", body).json() == {"job_id": mine["job_id"], "cancel_requested": False}
    assert (job().progress, job().progress_message) == (40, "half")
    control.cancel(job().pk, None)
    assert post("progress", body).json()["cancel_requested"]
    for wrong in ({"percent": 101}, {"percent": -1}, {"message": "m" * 501}, {"percent": "5"}):
        problem(post("progress", {**body, **wrong}), 422, "validation")


def test_renewing_moves_the_end_and_tells_what_to_stop(ask: Ask, claim: Claim, post: Post) -> None:
    ask(), ask(), ask(timeout=5)
    fine, cancelled, late = (hold(each) for each in claim(batch=3, lock_seconds=60))
    control.cancel(cancelled["job_id"], None)
    Job.objects.filter(pk=late["job_id"]).update(started_at=ClockTimestamp() - timedelta(seconds=6))
    before = dict(ProcessingLock.objects.values_list("lock_token", "expires_at"))

    answer = post("renew", {"worker_id": "w-1", "jobs": [fine, cancelled, late], "lock_seconds": 600}).json()["jobs"]

    assert [each["held"] for each in answer] == [True, True, True]
    assert [each["cancel_requested"] for each in answer] == [False, True, False]
    assert [each["timed_out"] for each in answer] == [False, False, True]
    moved = {lock.lock_token: lock.expires_at - before[lock.lock_token] for lock in ProcessingLock.objects.all()}
    assert moved[fine["lock_token"]] > timedelta(seconds=500)
    # A worker that will not stop loses the job when its lock runs out.
    assert moved[late["lock_token"]] == timedelta(0)


@pytest.mark.parametrize(
    ("path", "said", "kind", "counted"),
    [
        ("complete", {"result": 5}, Completed, "completed"),
        ("fail", {}, Retry, "retry"),
        ("fail", {"kind": "rate_limit"}, Snoozed, "snoozed"),
        ("fail", {"kind": "non_retryable"}, DeadLettered, "deadlettered"),
        ("fail", {"kind": "cancelled"}, Cancelled, "cancelled"),
    ],
)
def test_observers_and_metrics_learn_of_it(
    mine: dict[str, Any],
    post: Post,
    django_capture_on_commit_callbacks: Any,
    path: str,
    said: dict[str, Any],
    kind: type,
    counted: str,
) -> None:
    heard: list[Ended] = []
    hear = heard.extend
    observers.observe(hear)
    usage = {"run_ms": 1500, "cpu_ms": 300.5, "memory_mb": 64}
    try:
        with django_capture_on_commit_callbacks(execute=True):
            assert post(path, {**hold(mine), **said, "usage": usage}).status_code == 200
    finally:
        del observers._observers[hear]

    (ended,) = heard
    attempt = ended.attempt
    assert isinstance(ended.outcome, kind)
    assert (attempt.id, attempt.job_type, attempt.request_id) == (mine["job_id"], "node-thumbnail", "r-1")
    assert (attempt.number, attempt.payload, attempt.user_id) == (1, '{"url": "u"}', str(job().user_id))
    assert attempt.usage == Usage(1.5, 0.3005, 64)
    assert 0 <= attempt.waited < 60
    counter = OutcomeCounter.objects.get()
    assert (counter.queue, counter.job_type, counter.outcome, counter.count) == (
        *("lang.node", "node-thumbnail", counted), 1,
    )  # fmt: skip
    assert (counter.run_seconds, sum(counter.histogram)) == (1.5, 1)


def test_counts_add_up(ask: Ask, claim: Claim, post: Post, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            ask()
            assert post("complete", hold(claim()[0])).status_code == 200
    counter = OutcomeCounter.objects.get()
    assert (counter.count, sum(counter.histogram)) == (3, 3)


def test_a_run_time_that_nobody_reports_is_the_databases(
    mine: dict[str, Any], post: Post, django_capture_on_commit_callbacks: Any
) -> None:
    Job.objects.update(started_at=F("started_at") - timedelta(seconds=100))
    with django_capture_on_commit_callbacks(execute=True):
        post("complete", hold(mine))
    assert 100 <= OutcomeCounter.objects.get().run_seconds < 160
