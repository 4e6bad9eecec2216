"""Writes of a handler behind the fence of its lock."""

from collections.abc import Callable

import pytest

from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import enqueue
from jobs.exceptions import LockLost
from jobs.models import Article, Job, ProcessingLock
from jobs.models.lock import NextLockToken
from jobs.testing import run_job

pytestmark = pytest.mark.django_db


def test_writes_are_kept_while_the_job_is_ours(register: Callable[..., Handler]) -> None:
    def write(ctx: Context) -> None:
        with ctx.fenced():
            Article.objects.create(title="ours")

    register("write", write, schema={})
    assert run_job(Job.objects.get(pk=enqueue("write", {}).id)).status == "completed"
    assert Article.objects.get().title == "ours"


def test_a_zombie_writes_nothing(register: Callable[..., Handler]) -> None:
    lost: list[str] = []

    def write(ctx: Context) -> None:
        # Another worker takes the job over.
        ProcessingLock.objects.filter(pk=ctx.job.pk).update(lock_token=NextLockToken())
        try:
            with ctx.fenced():
                Article.objects.create(title="a zombie's")
        except LockLost:
            lost.append("before anything was written")
            raise

    register("write", write, schema={})
    # Nothing is recorded either: the job is the other worker's.
    assert run_job(Job.objects.get(pk=enqueue("write", {}).id)).status == "processing"
    assert lost
    assert not Article.objects.exists()


def test_an_error_takes_back_what_was_written(register: Callable[..., Handler]) -> None:
    def write(ctx: Context) -> None:
        with ctx.fenced():
            Article.objects.create(title="half")
            raise ValueError("broken")

    register("write", write, schema={})
    job = run_job(Job.objects.get(pk=enqueue("write", {}, max_retries=0).id))
    assert job.status == "dead_letter"
    assert not Article.objects.exists()
