"""Many payloads of one type in one job: counted, reported, each done once."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from jobs import control, dead_letters
from jobs.backoff import constant
from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import enqueue
from jobs.exceptions import InvalidPayload, NonRetryableError, RateLimitError
from jobs.functions import change
from jobs.models import Article, DeadLetter, Function, Job, Task
from jobs.synchronizing import synchronize
from jobs.testing import run_job
from tests.api_client import client_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class Work:
    """A handler that can be told which numbers fail, and by what."""

    def __init__(self) -> None:
        self.runs: Counter[int] = Counter()
        self.faults: dict[int, list[BaseException]] = {}
        self.contexts: list[Context] = []

    def __call__(self, ctx: Context, n: int, note: str = "") -> Any:
        self.runs[n] += 1
        self.contexts.append(ctx)
        if faults := self.faults.get(n):
            raise faults.pop(0)
        return {"n": n, "note": note}


@pytest.fixture
def work(register: Callable[..., Handler]) -> Work:
    work = Work()

    def handle(ctx: Context, n: int, note: str = "") -> Any:
        return work(ctx, n, note)

    register("work", handle, backoff=constant(0.01), max_retries=2)
    return work


def submit(count: int = 5, **asked: Any) -> Job:
    payload = {"job_type": "work", "payloads": [{"n": n} for n in range(count)], **asked}
    return Job.objects.get(pk=enqueue("batch_process", payload).id)


def violations(**asked: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPayload) as refused:
        enqueue("batch_process", asked)
    return [(each.pointer, each.code) for each in refused.value.violations]


def test_counts_and_results(work: Work) -> None:
    job = run_job(submit(common={"note": "all"}, results=True))
    assert job.status == "completed", job.error_details
    assert {**job.result, "results": len(job.result["results"])} == {
        "job_type": "work",
        "total": 5,
        "succeeded": 5,
        "failed": 0,
        "skipped": 0,
        "failures": [],
        "failures_left_out": 0,
        "results": 5,
        "results_left_out": 0,
    }
    assert job.result["results"][3] == {"index": 3, "result": {"n": 3, "note": "all"}}
    assert work.runs == Counter(range(5))


def test_a_partial_failure_completes_with_a_report(work: Work) -> None:
    work.faults = {1: [NonRetryableError("no such page")], 3: [ValueError("odd"), ValueError("odd"), ValueError("odd")]}
    job = run_job(submit())
    assert job.status == "completed"
    assert (job.result["succeeded"], job.result["failed"]) == (3, 2)
    assert job.result["failures"] == [
        {"index": 1, "code": "non_retryable", "message": "NonRetryableError: no such page"},
        {"index": 3, "code": "retryable", "message": "ValueError: odd"},
    ]
    # What cannot be helped is not tried again; the other as often as the job type says.
    assert work.runs[1] == 1 and work.runs[3] == 3


def test_what_helps_itself_is_no_failure(work: Work) -> None:
    work.faults = {0: [ValueError("odd")], 1: [RateLimitError(retry_after=0.01)] * 5, 2: [ValueError("odd")]}
    job = run_job(submit(retries=1))
    assert (job.result["succeeded"], work.runs[1]) == (5, 6)
    work.faults = {0: [ValueError("odd")], 1: [RateLimitError(retry_after=3600)]}
    job = run_job(submit(retries=0))
    assert [(each["index"], each["code"]) for each in job.result["failures"]] == [(0, "retryable"), (1, "rate_limit")]


def test_it_stops_after_so_many_failures(work: Work) -> None:
    work.faults = {n: [NonRetryableError("broken")] for n in (1, 2)}
    job = run_job(submit(8, stop_after_failures=2))
    assert (job.result["succeeded"], job.result["failed"], job.result["skipped"]) == (1, 2, 5)
    assert not work.runs[3]


def test_a_redrive_does_what_failed_and_what_was_skipped(work: Work) -> None:
    work.faults = {n: [NonRetryableError("broken")] * 2 for n in (1, 2)}
    job = run_job(submit(6, stop_after_failures=2, fail_on_error=True))
    assert job.status == "dead_letter"
    assert "2 of 6 payloads failed and 3 were not begun. no. 1: NonRetryableError: broken" in job.error_message
    for succeeded in (4, 6):
        dead_letters.redrive(DeadLetter.objects.get(original_job=job, resolved_at=None).pk, None)
        job = run_job(Job.objects.get(pk=job.pk))
        done = Task.objects.filter(job=job, kind="map", item__gte=0, result__contains={"done": True})
        # The second round comes to 1 and 2 first, which are broken still, and then stops again.
        assert done.count() == (1 if succeeded == 4 else 6)
    assert job.status == "completed" and job.result["succeeded"] == 6
    assert work.runs == Counter({0: 1, 1: 3, 2: 3, 3: 1, 4: 1, 5: 1})


def test_a_cancelled_job_begins_no_other_payload_and_a_retry_goes_on(
    work: Work, register: Callable[..., Handler]
) -> None:
    ran: list[int] = []

    def stop(ctx: Context, n: int) -> None:
        ran.append(n)
        if n == 2 and len(ran) == 3:
            ctx._attempt.cancelled = True
            ctx.raise_if_cancelled()

    register("stop", stop)
    payloads = [{"n": n} for n in range(5)]
    job = run_job(Job.objects.get(pk=enqueue("batch_process", {"job_type": "stop", "payloads": payloads}).id))
    assert (job.status, ran) == ("cancelled", [0, 1, 2])
    control.retry(job.pk, None)
    job = run_job(Job.objects.get(pk=job.pk))
    assert (job.status, job.result["succeeded"], ran) == ("completed", 5, [0, 1, 2, 2, 3, 4])


def test_what_handlers_see(work: Work) -> None:
    ada = UserFactory()
    job = Job.objects.get(pk=enqueue("batch_process", {"job_type": "work", "payloads": [{"n": 7}]}, user=ada).id)
    run_job(job)
    (context,) = work.contexts
    assert context.idempotency_key == f"{job.pk}:0"
    assert (context.job.pk, context.job.user_id, context.job.job_type) == (job.pk, ada.pk, "work")
    assert context.job.payload == {"n": 7}


def test_what_a_payload_cannot_have_is_its_failure(work: Work, register: Callable[..., Handler]) -> None:
    def greedy(ctx: Context, how: str) -> None:
        if how == "task":
            ctx.task("one", lambda: 1)
        elif how == "enqueue":
            ctx.enqueue("work", {"n": 1})
        else:
            ctx.sleep(1)

    register("greedy", greedy, max_retries=0)
    payloads = [{"how": how} for how in ("task", "enqueue", "sleep")]
    job = run_job(Job.objects.get(pk=enqueue("batch_process", {"job_type": "greedy", "payloads": payloads}).id))
    assert [each["code"] for each in job.result["failures"]] == ["non_retryable"] * 3
    assert "TasksNotAllowed" in json.dumps(job.result["failures"])


def test_a_payload_has_the_time_of_its_type(register: Callable[..., Handler]) -> None:
    def endless(ctx: Context) -> None:
        while True:
            ctx.raise_if_cancelled()
            threading.Event().wait(0.005)

    register("endless", endless, timeout=0.05, max_retries=0)
    job = run_job(Job.objects.get(pk=enqueue("batch_process", {"job_type": "endless", "payloads": [{}]}).id))
    assert job.result["failures"][0]["code"] == "timeout"


def test_coroutines(register: Callable[..., Handler]) -> None:
    async def later(ctx: Context, n: int) -> int:
        return n + 1

    register("later", later)
    asked = {"job_type": "later", "payloads": [{"n": 1}, {"n": 2}], "results": True}
    job = run_job(Job.objects.get(pk=enqueue("batch_process", asked).id))
    assert [each["result"] for each in job.result["results"]] == [2, 3]


def test_the_result_is_bounded(work: Work, settings: Settings) -> None:
    settings.JOB_QUEUE_RESULT_MAX_BYTES = 20_000
    work.faults = {n: [NonRetryableError("駅" * 500)] for n in range(300, 420)}
    job = run_job(submit(420, results=True, common={"note": "x" * 50}))
    assert job.status == "completed"
    assert (job.result["succeeded"], job.result["failed"], len(job.result["failures"])) == (300, 120, 3)
    assert job.result["failures_left_out"] == 117
    assert 50 < len(job.result["results"]) < 200
    assert job.result["results_left_out"] == 300 - len(job.result["results"])
    assert len(json.dumps(job.result, ensure_ascii=False).encode()) < 20_000


def test_each_of_the_owners_articles() -> None:
    ada = UserFactory()
    mine = [Article.objects.create(user=ada, text="駅伝", language="ja", stage="extracted") for _ in range(3)]
    Article.objects.create(user=ada, text="relay", language="en", stage="extracted")
    Article.objects.create(user=UserFactory(), text="駅伝", language="ja", stage="extracted")
    Article.objects.filter(pk=mine[2].pk).update(is_deleted=True)
    asked = {
        "job_type": "calculate_similarity",
        "articles": {"language": "ja"},
        "common": {"limit": 3},
        "results": True,
    }
    job = run_job(Job.objects.get(pk=enqueue("batch_process", {**asked, "results": True}, user=ada).id))
    assert job.status == "completed", job.error_details
    assert [each["result"]["article_id"] for each in job.result["results"]] == [str(each.pk) for each in mine[:2]]


def test_what_is_refused_before_anything_runs(work: Work, register: Callable[..., Handler]) -> None:
    register("apart", lambda ctx: None, isolation="process", schema={})
    ns = [{"n": n} for n in range(3)]
    assert violations(job_type="nothing", payloads=ns) == [("/job_type", "unknown-job-type")]
    assert violations(job_type="batch_process", payloads=ns) == [("/job_type", "nested")]
    assert violations(job_type="apart", payloads=ns) == [("/job_type", "not-batchable")]
    assert violations(job_type="work", payloads=[*ns, {"n": "x"}, {}]) == [
        ("/payloads/3/n", "type"),
        ("/payloads/4", "required"),
    ]
    assert violations(job_type="work", articles={}) == [("/articles", "no-articles")]
    assert violations(job_type="summarize", articles={"created_after": "2026-01-01"}) == [
        ("/articles/created_after", "format")
    ]
    assert violations(job_type="calculate_similarity", articles={}, common={"limit": 0}) == [
        ("/common/limit", "minimum")
    ]
    assert len(violations(job_type="work", payloads=[{"n": "x"}] * 100)) == 20
    assert violations(job_type="work") and violations(job_type="work", payloads=[])


def test_payloads_that_do_not_fit_any_more_when_it_runs_are_a_dead_letter(work: Work) -> None:
    job = submit()
    Job.objects.filter(pk=job.pk).update(payload={"job_type": "work", "payloads": [{"n": 1}, {"n": "x"}]})
    job = run_job(job)
    assert (job.status, "/payloads/1/n" in job.error_message) == ("dead_letter", True)
    assert not work.runs


def test_a_function_that_is_switched_off_is_not_called(work: Work) -> None:
    synchronize()
    job = submit()
    change(Function.objects.get(title="work").language_title, None, is_active=False)
    job = run_job(job)
    assert (job.status, work.runs) == ("dead_letter", Counter())


def test_over_the_api(work: Work) -> None:
    client = client_of(UserFactory())
    asked = {"job_type": "work", "payloads": [{"n": 1}, {"m": 1}]}
    answer = client.post("/api/v1/jobs", {"job_type": "batch_process", "payload": asked}, format="json")
    assert answer.status_code == 422, answer.content
    assert {each["pointer"] for each in answer.json()["errors"]} == {"#/payload/payloads/1"}
    # Two thousand payloads are far below the limit of 256 KiB.
    asked = {"job_type": "work", "payloads": [{"n": n} for n in range(2_000)]}
    assert (
        client.post("/api/v1/jobs", {"job_type": "batch_process", "payload": asked}, format="json").status_code == 201
    )
