"""Handlers with durable tasks: every run of a task is told."""

import time
from typing import Any

from jobs.backoff import constant
from jobs.context import Context
from jobs.decorators import job
from jobs.exceptions import EventTimeout
from tests.acceptance.testapp.journal import emit, is_open

SOON = constant(0.05)


def note(key: str, what: Any) -> Any:
    emit("task", key, what=what)
    return what


def gated(key: str, what: Any) -> Any:
    """Take note, and come back when the gate is open."""
    emit("task", key, what=what)
    while not is_open("go"):
        time.sleep(0.01)
    return what


@job("proof_durable", backoff=SOON)
def durable(ctx: Context) -> list[Any]:
    """Do a task, a map whose fourth item waits at the gate, and another task."""
    key = ctx.idempotency_key
    emit("run", key, attempt=ctx.attempt)
    first = ctx.task("first", note, key, "first")
    items = ctx.map("each", lambda item: gated(key, item) if item == 3 else note(key, item), range(5), concurrency=1)
    return [first, *items, ctx.task("last", note, key, "last")]


@job("proof_pdurable", backoff=SOON, isolation="process")
def process_durable(ctx: Context) -> list[Any]:
    emit("run", ctx.idempotency_key, attempt=ctx.attempt)
    first = ctx.task("first", note, ctx.idempotency_key, "first")
    ctx.sleep(0.2)
    return [first, ctx.wait_for("approved", timeout=60)["by"]]


@job("proof_ticks", backoff=SOON)
def ticks(ctx: Context, count: int) -> list[int]:
    """Wait for as many events."""
    return [ctx.wait_for("tick")["n"] for _ in range(count)]


@job("proof_aticks", backoff=SOON)
async def aticks(ctx: Context, count: int) -> list[int]:
    return [(await ctx.await_for("tick"))["n"] for _ in range(count)]


@job("proof_patience", backoff=SOON)
def patience(ctx: Context, seconds: float) -> str:
    try:
        ctx.wait_for("never", timeout=seconds)
    except EventTimeout as error:
        return str(error)
    return "told"
