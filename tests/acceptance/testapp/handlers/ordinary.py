"""Handlers that behave: they tell when they start, wait at a gate, and end."""

import asyncio
import os
import time

from django.db import connection

from jobs.backoff import constant
from jobs.context import Context
from jobs.decorators import job
from jobs.exceptions import LockLost, NonRetryableError, RateLimitError, Snooze
from tests.acceptance.testapp.journal import emit, is_open

SOON = constant(0.05)


def told(ctx: Context, event: str, **details: object) -> None:
    emit(event, ctx.idempotency_key, attempt=ctx.attempt, **details)


@job("proof_note", backoff=SOON)
def note(ctx: Context, n: int = 0) -> int:
    told(ctx, "run")
    return n


@job("proof_anote", backoff=SOON)
async def anote(ctx: Context, n: int = 0) -> int:
    told(ctx, "run")
    return n


@job("proof_work", backoff=SOON)
def work(ctx: Context, seconds: float = 0.0) -> int:
    told(ctx, "run")
    time.sleep(seconds)
    return ctx.attempt


@job("proof_awork", backoff=SOON)
async def awork(ctx: Context, seconds: float = 0.0) -> int:
    told(ctx, "run")
    await asyncio.sleep(seconds)
    return ctx.attempt


@job("proof_gate", backoff=SOON)
def gate(ctx: Context, name: str = "go") -> str:
    """Wait at a gate, whatever happens outside."""
    told(ctx, "run")
    while not is_open(name):
        time.sleep(0.01)
    told(ctx, "end", cancelled=ctx.is_cancelled())
    return f"by {os.getpid()}"


@job("proof_heedful", backoff=SOON)
def heedful(ctx: Context, name: str = "go") -> str:
    """Wait at a gate, and stop when told to."""
    told(ctx, "run")
    try:
        while not is_open(name):
            ctx.raise_if_cancelled()
            time.sleep(0.01)
    finally:
        told(ctx, "end", cancelled=ctx.is_cancelled())
    return "open"


@job("proof_agate", backoff=SOON)
async def agate(ctx: Context, name: str = "go") -> str:
    told(ctx, "run")
    try:
        while not is_open(name):
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        told(ctx, "interrupted")
        raise
    return "open"


@job("proof_pgate", backoff=SOON, isolation="process")
def pgate(ctx: Context, name: str = "go", heed: bool = False) -> str:
    told(ctx, "run")
    while not is_open(name):
        if heed:
            ctx.raise_if_cancelled()
        time.sleep(0.01)
    return "open"


@job("proof_progress")
def progress(ctx: Context, name: str = "go") -> None:
    told(ctx, "run")
    ctx.progress(40, "reading")
    while not is_open(name):
        time.sleep(0.01)
    try:
        ctx.progress(80, "writing")
        told(ctx, "progressed")
    except LockLost:
        told(ctx, "refused")
        raise


@job("proof_fail")
def fail(ctx: Context) -> None:
    told(ctx, "run")
    raise RuntimeError("it broke")


@job("proof_limited")
def limited(ctx: Context, times: int = 2) -> str:
    """Be told to wait by a provider, so many times."""
    told(ctx, "run")
    if ctx.attempt <= times:
        raise RateLimitError("slow down", retry_after=0.2)
    return "served"


@job("proof_snooze")
async def snooze(ctx: Context, times: int = 2) -> str:
    told(ctx, "run")
    if ctx.attempt <= times:
        raise Snooze(0.2)
    return "awake"


@job("proof_hopeless")
def hopeless(ctx: Context) -> None:
    told(ctx, "run")
    raise NonRetryableError("never")


@job("proof_write", atomic=True, backoff=SOON)
def write(ctx: Context, name: str = "go", then: str = "return") -> str:
    """Write a row in the transaction that records the outcome."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO proof_effects VALUES (%s, %s)", [ctx.idempotency_key, ctx.attempt])
    told(ctx, "run")
    while not is_open(name):
        time.sleep(0.01)
    told(ctx, "end")
    if then == "raise" and ctx.attempt == 1:
        raise RuntimeError("after writing")
    return "written"


def step(job_id: str, name: str) -> str:
    emit("step", job_id, name=name)
    return name


@job("proof_steps", backoff=SOON)
def steps(ctx: Context, seconds: float = 0.0) -> list[str]:
    """Do one task, sleep if told to, and do the other."""
    told(ctx, "run")
    first = ctx.task("first", step, ctx.idempotency_key, "first")
    if seconds:
        ctx.sleep(seconds=seconds)
    return [first, ctx.task("second", step, ctx.idempotency_key, "second")]


@job("proof_follow", backoff=SOON)
def follow(ctx: Context, queue: str) -> None:
    """Submit a job together with the outcome."""
    told(ctx, "run")
    ctx.enqueue("proof_note", {}, queue=queue)


@job("proof_orm", backoff=SOON)
async def orm(ctx: Context) -> int:
    from jobs.models import Job

    told(ctx, "run")
    return await Job.objects.filter(pk=ctx.idempotency_key).acount()


@job("proof_blab", backoff=SOON, max_retries=1)
def blab(ctx: Context, **secrets: str) -> None:
    """Fail with an error that says everything."""
    told(ctx, "run")
    raise RuntimeError(f"connecting failed: {secrets!r}, postgresql://anna:{secrets['password']}@db.example/x")
