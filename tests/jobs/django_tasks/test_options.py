"""What Ekiden can do for a task beyond Django's attributes, and what it refuses."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from jobs.django_tasks import EkidenBackend
from jobs.django_tasks.framework import InvalidTask
from jobs.django_tasks.priorities import level_of, priority_at
from jobs.exceptions import UniqueKeyTaken
from jobs.models import Job
from jobs.registry import registry
from jobs.testing import drain, run_job
from jobs.uniqueness import Unique
from tests.factories import UserFactory
from tests.jobs.django_tasks import tasks
from tests.jobs.django_tasks.framework import task

pytestmark = pytest.mark.django_db


def made(task, *args, **kwargs):
    return Job.objects.get(pk=task.enqueue(*args, **kwargs).id)


def test_a_plain_task_is_tried_once():
    job = made(tasks.noop_task)
    assert (job.max_retries, job.timeout, job.tags, job.priority, job.queue) == (0, None, [], 5, "default")
    assert job.job_type == "tests.jobs.django_tasks.tasks.noop_task"
    assert job.metadata == {"django_task": {"backend": "default", "priority": 0}}


def test_options_of_the_declaration():
    job = made(tasks.with_options)
    assert (job.max_retries, job.timeout, job.tags) == (3, 30, ["mail"])


def test_options_of_a_call():
    ada = UserFactory()
    at = timezone.now() + timedelta(hours=1)
    chosen = tasks.with_options.using(
        max_retries=1, timeout=5, tags=["a", "b"], unique_key="k", concurrency_key="c", concurrency_limit=2,
        rate_limit="60/m", expires_at=at, metadata={"why": "test"}, user=ada, project_name="p",
    )  # fmt: skip
    job = made(chosen)
    assert (job.max_retries, job.timeout, job.tags, job.unique_key) == (1, 5, ["a", "b"], "k")
    assert (job.concurrency_key, job.concurrency_limit, job.rate_limit, job.expires_at) == ("c", 2, "60/m", at)
    assert (job.metadata["why"], job.user, job.project_name) == ("test", ada, "p")
    assert tasks.with_options.max_retries == 3 and hash(chosen) and isinstance(hash(tasks.with_options), int)


def test_options_of_the_backend():
    given = {"max_retries": 2, "timeout": 60, "tags": ["x"]}
    with override_settings(TASKS={"default": {"BACKEND": "jobs.django_tasks.EkidenBackend", "OPTIONS": given}}):
        job = made(tasks.noop_task)
        assert (job.max_retries, job.timeout, job.tags) == (2, 60, ["x"])
        job = made(tasks.with_options)
        assert (job.max_retries, job.timeout, job.tags) == (3, 30, ["mail"])


def test_the_back_off_of_a_task():
    for one in (tasks.noop_task, tasks.with_options):
        run_job(made(one))
    assert registry.get(tasks.noop_task.module_path).backoff(2) == 4
    assert registry.get(tasks.with_options.module_path).backoff(2) == 7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_retries": -1}, "max_retries must be a whole number from 0 to 100"),
        ({"timeout": 0}, "timeout must be a number of seconds above 0"),
        ({"tags": "mail"}, "tags must be a list of at most"),
        ({"unique": {"fields": ["x"]}}, r"unique must be a Unique"),
        ({"rate_limit": "often", "concurrency_key": "k"}, "rate_limit must be a rate"),
        ({"queue_name": "no spaces"}, "queue_name must be 1 to 64 letters"),
        ({"queue_name": "lang.node"}, "belongs to workers of another language"),
        ({"isolation": "vm"}, "isolation is 'thread' or 'process'"),
        ({"isolation": "process", "atomic": True}, "An atomic task shares its transaction"),
    ],
)
def test_what_is_refused_where_the_task_is_declared(options, words):
    with pytest.raises(InvalidTask, match=words):
        task(**options)(tasks.noop_task.func)


@pytest.mark.parametrize("options", [{"isolation": "process"}, {"atomic": True}])
def test_async_tasks_are_neither_atomic_nor_in_a_process(options):
    with pytest.raises(InvalidTask, match="An async task runs on the event loop"):
        task(**options)(tasks.noop_task_async.func)


def test_run_after_has_an_end():
    with pytest.raises(InvalidTask, match="run_after must be at most one year ahead"):
        tasks.noop_task.using(run_after=timezone.now() + timedelta(days=400))


def test_using_knows_what_it_takes():
    for name in ("nonsense", "func", "takes_context"):
        with pytest.raises(TypeError, match=f"using.. got an unexpected keyword argument '{name}'"):
            tasks.noop_task.using(**{name: 1})


def test_a_task_that_no_worker_would_find():
    nameless = task()(_not_a_task)
    with pytest.raises(InvalidTask, match=r"test_options\._not_a_task' is no task"):
        nameless.enqueue()
    assert not Job.objects.exists()


def _not_a_task() -> None:
    return None


def test_unique_by_the_arguments_however_they_are_passed(heard):
    once = tasks.check_context.using(unique=Unique(fields=["attempt"]))
    first = once.enqueue(1)
    assert once.enqueue(attempt=1).id == first.id and once.enqueue(2).id != first.id
    assert [name for name, *_ in heard] == ["enqueued", "enqueued"]
    drain()
    assert once.enqueue(1).id != first.id


def test_unique_as_a_whole_and_insisting():
    once = tasks.echo.using(unique=Unique(mode="raise"))
    once.enqueue(1, two=[2])
    once.enqueue(1, two=[3])
    with pytest.raises(UniqueKeyTaken):
        once.enqueue(1, two=[2])


def test_tasks_that_wait_for_others():
    first = tasks.echo.enqueue(1)
    second = tasks.echo.using(depends_on=[first], parent=first).enqueue(2)
    job = Job.objects.get(pk=second.id)
    assert (str(job.parent_id), job.waits_for) == (first.id, "jobs")
    second.refresh()
    assert second.status == "READY"


def test_priorities_keep_their_order():
    levels = [level_of(priority) for priority in range(-100, 101)]
    assert levels == sorted(levels) and set(levels) == set(range(101))
    assert level_of(0) == 5 and level_of(1) > 5 > level_of(-1)
    assert all(level_of(priority_at(level)) == level for level in range(101))
    back = [priority_at(level_of(priority)) for priority in range(-100, 101)]
    assert back == sorted(back)
    off = {asked: abs(asked - given) for asked, given in zip(range(-100, 101), back, strict=True)}
    assert max(off[asked] for asked in range(101)) == 1 and max(off.values()) == 19


def problems(**params):
    backend = EkidenBackend("mine", {"BACKEND": "jobs.django_tasks.EkidenBackend", **params})
    return [(message.id.rsplit(".", 1)[1], message.msg) for message in backend.check()]


def test_check_finds_what_is_wrong_with_the_settings():
    assert problems() == problems(QUEUES=[]) == problems(OPTIONS={"max_retries": 1}, ENQUEUE_ON_COMMIT=True) == []
    ((identity, words),) = problems(OPTIONS={"retries": 1})
    assert identity == "E003" and "'retries' is none of the OPTIONS, which are max_retries, timeout" in words
    ((identity, words),) = problems(OPTIONS={"timeout": -1})
    assert identity == "E004" and "timeout: must be" in words
    assert [identity for identity, _ in problems(QUEUES=["ok", "not ok", "lang.node"])] == ["E002", "E002"]
    ((identity, words),) = problems(ENQUEUE_ON_COMMIT=False)
    assert identity == "W001" and "cannot be switched off" in words
