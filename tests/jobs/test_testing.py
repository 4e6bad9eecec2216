import pytest

from accounts.models import Workspace
from jobs.exceptions import NonRetryableError, RateLimitError, Snooze
from jobs.models import DeadLetter, Job, ProcessingLock
from jobs.testing import assert_enqueued, drain, refute_enqueued, run_job

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
    with pytest.raises(AssertionError, match=r"No job 'note' waits .* \{'n': 2\}. Waiting:\n  \{'n': 1\}"):
        assert_enqueued(note, n=2)
    with pytest.raises(AssertionError, match="none at all"):
        assert_enqueued("other")
    with pytest.raises(AssertionError, match=r"A job 'note' waits with the payload \{'n': 1\}"):
        refute_enqueued(note, n=1)
    run_job(Job.objects.get())
    with pytest.raises(AssertionError):
        assert_enqueued("note")


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
