from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Workspace
from jobs.exceptions import NonRetryableError, RateLimitError, Snooze
from jobs.models import DeadLetter, Job, ProcessingLock
from jobs.testing import all_enqueued, assert_enqueued, drain, drain_jobs, eager, refute_enqueued, run_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def add(register):
    def add(ctx, a: int, b: int = 1) -> int:
        ctx.progress(50, "half")
        return a + b

    return register("add", add)


def test_what_was_submitted_is_found(note):
    note.enqueue(n=1, to={"name": "ada", "age": 36}, list=[1, 2, 3])
    newest = note.enqueue(n=1, other=True)
    assert assert_enqueued("note").pk == newest.id
    assert assert_enqueued(note, n=1).pk == newest.id
    assert_enqueued("note", to={"name": "ada"}, list=[2])
    refute_enqueued("note", n=2)
    refute_enqueued("other")


def test_what_was_not_submitted_is_named(note):
    note.enqueue(n=1)
    with pytest.raises(AssertionError, match=r"No job 'note' waits .* \{'n': 2\}. Waiting:\n  \{'n': 1\} in def"):
        assert_enqueued(note, n=2)
    with pytest.raises(AssertionError, match="none at all"):
        assert_enqueued("other")
    with pytest.raises(AssertionError, match=r"1 of 'note' wait with .*:\n  \{'n': 1\}"):
        refute_enqueued(note, n=1)
    run_job(Job.objects.get())
    with pytest.raises(AssertionError):
        assert_enqueued("note")


def test_options_are_expected_by_their_names(note, actor):
    due = timezone.now() + timedelta(days=1)
    note.using(queue="mail", priority=9, tags=["a", "b"], metadata={"m": {"x": 1}, "k": 2}, user=actor).enqueue(n=1)
    note.using(scheduled_at=due, unique_key="k", timeout=5, max_retries=0).enqueue(n=1)
    assert_enqueued(note, n=1, queue="mail", priority=9, tags=["b"], metadata={"m": {"x": 1}}, user=actor, timeout=None)
    assert_enqueued(note, scheduled_at=due, unique_key="k", timeout=5.0, max_retries=0, waits_for=None)
    assert_enqueued(note, delay=timedelta(days=1))
    refute_enqueued(note, delay=3600)
    refute_enqueued(note, queue="mail", scheduled_at=due)
    with pytest.raises(AssertionError, match=r"No job 'note' waits with .* and queue 'slow'"):
        assert_enqueued(note, queue="slow")


def test_they_are_counted(note):
    note.enqueue_many([{"n": 1}, {"n": 1}, {"n": 2}])
    assert_enqueued(note, n=1, count=2)
    assert_enqueued(note, count=3)
    with pytest.raises(AssertionError, match="3 jobs, not 2, 'note' wait"):
        assert_enqueued(note, count=2)
    with pytest.raises(AssertionError, match="No job 'note' waits"):
        assert_enqueued(note, n=3, count=1)
    assert [job.payload["n"] for job in all_enqueued(note)] == [2, 1, 1]
    assert len(all_enqueued(n=1)) == len(all_enqueued("note", n=1)) == 2
    assert all_enqueued("other") == []


def test_a_parameter_named_like_an_option_is_the_payload(register):
    handler = register("named", lambda ctx, queue, count: None, schema={"properties": {"queue": {}, "count": {}}})
    handler.using(queue="slow").enqueue(queue="of people", count=7)
    job = assert_enqueued(handler, queue="of people", count=7)
    assert assert_enqueued("named", queue="of people") == job
    refute_enqueued(handler, count=1)
    assert_enqueued(handler, payload={"queue": "of people"}, priority=5)


def test_a_handler_is_run_with_its_payload(add):
    job = run_job(add, a=1, b=2)
    assert (job.status, job.result, job.attempt, job.progress) == ("completed", 3, 1, 100)
    assert not ProcessingLock.objects.exists()


def test_payload_named_like_an_option(register):
    def handler(ctx, priority: str) -> str:
        return priority

    assert run_job(register("named", handler), priority="high").result == "high"


def test_a_job_is_run_once(add):
    submitted = add.enqueue(a=1, delay=3600)
    assert run_job(submitted).result == 2
    with pytest.raises(AssertionError, match="does not wait: completed"):
        run_job(submitted)
    with pytest.raises(TypeError):
        run_job(submitted, a=1)


def test_coroutines_run_too(register):
    async def double(ctx, n: int) -> int:
        return 2 * n

    assert run_job(register("double", double), n=4).result == 8


@pytest.mark.parametrize(
    ("error", "status", "retries"),
    [
        (ValueError("bad"), "pending", 1),
        (NonRetryableError("never"), "dead_letter", 0),
        (RateLimitError(retry_after=60), "pending", 0),
        (Snooze(60), "pending", 0),
    ],
)
def test_errors_end_as_in_a_worker(register, error, status, retries):
    def fails(ctx):
        raise error

    job = run_job(register("fails", fails))
    assert (job.status, job.retry_count) == (status, retries)
    assert DeadLetter.objects.filter(original_job=job).exists() is (status == "dead_letter")


def test_what_an_atomic_handler_wrote_goes_with_its_failure(register):
    def write(ctx, fail: bool):
        Workspace.objects.create(name=f"fail {fail}")
        if fail:
            raise ValueError

    handler = register("write", write, atomic=True)
    assert run_job(handler, fail=True).status == "pending"
    assert run_job(handler, fail=False).status == "completed"
    assert [workspace.name for workspace in Workspace.objects.all()] == ["fail False"]


def test_a_type_nobody_registered_is_a_dead_letter(db):
    assert run_job(Job.objects.create(job_type="nobody")).status == "dead_letter"


def test_draining_runs_what_handlers_submit(register, add):
    def count_down(ctx, n: int):
        if n:
            handler.enqueue(n=n - 1)

    handler = register("count_down", count_down)
    handler.enqueue(n=3)
    add.enqueue(a=1, priority=9)
    later = add.enqueue(a=2, delay=3600)
    elsewhere = add.enqueue(a=3, queue="elsewhere")
    assert [(job.job_type, job.payload) for job in drain("default")] == [
        ("add", {"a": 1}),
        *(("count_down", {"n": n}) for n in (3, 2, 1, 0)),
    ]
    assert [job.pk for job in drain()] == [elsewhere.id]
    assert [job.pk for job in drain(scheduled=True)] == [later.id]
    assert drain(scheduled=True) == []


def test_draining_retries_to_the_end(register):
    def fails(ctx):
        raise ValueError

    job = register("fails", fails, max_retries=2).enqueue()
    assert [one.status for one in drain()] == ["pending"]
    (dead,) = drain(scheduled=True)
    assert (dead.pk, dead.status, dead.attempt) == (job.id, "dead_letter", 3)


def test_what_has_expired_is_not_run(note):
    gone = note.enqueue(n=1, expires_at=timezone.now() + timedelta(hours=1))
    Job.objects.filter(pk=gone.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    good = note.enqueue(n=2, expires_at=timezone.now() + timedelta(hours=1))
    assert [job.pk for job in drain_jobs()] == [good.id]
    assert gone.fetch().status == "cancelled"


def test_limits_hold_nothing_up_where_one_job_runs_at_a_time(note):
    note.enqueue_many([{"n": n} for n in range(5)], concurrency_key="k", concurrency_limit=1, rate_limit="1/h")
    assert [job.payload["n"] for job in drain_jobs()] == [0, 1, 2, 3, 4]


def test_eager_jobs_run_where_they_are_submitted(register):
    seen = []

    def count_down(ctx, n: int):
        seen.append(n)
        if n:
            handler.enqueue(n=n - 1)
        seen.append(-n)

    handler = register("count_down", count_down)
    with eager():
        submitted = handler.enqueue(n=2)
        assert submitted.fetch().status == "completed"
        assert seen == [2, -2, 1, -1, 0, 0], "what a job submits runs behind it"
        handler.using(delay=60).enqueue(n=9)
    handler.enqueue(n=8)
    assert 9 not in seen and 8 not in seen
    assert_enqueued(handler, count=2)


def test_eager_errors_are_raised_and_written(register):
    def fails(ctx, how: str):
        if how == "later":
            raise Snooze(60)
        raise ValueError(how)

    handler = register("fails", fails)
    with eager():
        with pytest.raises(ValueError, match="now"):
            handler.enqueue(how="now")
        handler.enqueue(how="later")
    (job,) = Job.objects.filter(payload__how="now")
    assert (job.status, job.retry_count, job.error_details["message"]) == ("pending", 1, "now")


def test_eager_covers_many_and_what_waits_for_others(register, note):
    order = []
    handler = register("order", lambda ctx, n: order.append(n), schema={"properties": {"n": {}}})
    with eager():
        first = handler.enqueue(n=1)
        handler.using(depends_on=[first]).enqueue(n=2)
        handler.enqueue_many([{"n": 3}, {"n": 4}])
        waits = handler.using(depends_on=[note.using(delay=60).enqueue()]).enqueue(n=5)
    assert order == [1, 2, 3, 4]
    assert waits.fetch().waits_for == "jobs"
    drain_jobs(scheduled=True)
    assert order == [1, 2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_test_s_transaction_eager_jobs_wait_for_the_commit(note):
    with eager():
        with transaction.atomic():
            submitted = note.enqueue(n=1)
            assert submitted.fetch().status == "pending"
        assert submitted.fetch().status == "completed"
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            note.enqueue(n=2)
            _ = 1 / 0
    assert Job.objects.count() == 1


def test_fixtures_for_applications(eager_jobs, register_job, assert_enqueued, refute_enqueued, run_job, drain_jobs):
    handler = register_job("of_an_application", lambda ctx: "done")
    assert handler.enqueue().fetch().result == "done"
    later = handler.using(delay=60).enqueue()
    assert assert_enqueued(handler, delay=60).pk == later.id
    assert run_job(later).status == "completed"
    refute_enqueued(handler)
    assert drain_jobs() == []
