"""Handlers that log as libraries do, without their context."""

import logging
import sys
import threading
from typing import Any

import psutil
from asgiref.sync import sync_to_async

from jobs.backoff import constant
from jobs.context import Context
from jobs.decorators import job

_library = logging.getLogger("some.library")


def _say(words: str) -> str:
    _library.warning("%s", words)
    return words


@job("proof_says")
def says(ctx: Context) -> Any:
    """Log from the handler, from the threads of a map, and through the context."""
    ctx.log.info("by the context", extra={"pages": 3})
    return [*ctx.map("each", _say, [f"said in a map {n}" for n in range(2)], concurrency=2), _say("said in a thread")]


@job("proof_asays")
async def asays(ctx: Context) -> Any:
    await sync_to_async(_say)("said beside a coroutine")
    return _say("said in a coroutine")


@job("proof_psays", isolation="process")
def psays(ctx: Context) -> Any:
    return _say("said in a process")


@job("proof_fails_aloud")
def fails_aloud(ctx: Context) -> Any:
    try:
        raise ValueError("line one\n2026-01-01 ERROR forged line password=hunter2hunter2")
    except ValueError:
        _library.exception("it\nfailed")
        raise


@job("proof_traced_last")
def traced_last(ctx: Context) -> None:
    """Come after another one."""


def _inner(ctx: Context, fails: bool) -> None:
    """Make a span of its own, as instrumented libraries do, submit a job, and fail if asked to."""
    # In the worker it is there; tests that trace nothing import nothing.
    from opentelemetry import trace

    _library.warning("said in a trace")
    with trace.get_tracer("some.library").start_as_current_span("inner"):
        ctx.enqueue("proof_traced_last")
    if fails and ctx.attempt == 1:
        raise ValueError("no use, password=hunter2hunter2")


@job("proof_traced", backoff=constant(0.05))
def traced(ctx: Context, fails: bool = False) -> None:
    _inner(ctx, fails)


@job("proof_atraced", backoff=constant(0.05))
async def atraced(ctx: Context, fails: bool = False) -> None:
    _inner(ctx, fails)


@job("proof_ptraced", backoff=constant(0.05), isolation="process")
def ptraced(ctx: Context, fails: bool = False) -> None:
    _inner(ctx, fails)


@job("proof_modules")
def modules(ctx: Context) -> list[str]:
    """Tell what of OpenTelemetry this process has imported."""
    return sorted(name for name in sys.modules if name.startswith(("opentelemetry", "config.telemetry.")))


@job("proof_searching")
def searching(ctx: Context) -> dict[str, Any]:
    """Tell what of the search this process has in it: modules, threads, and its memory in MB."""
    return {
        "modules": sorted(name for name in sys.modules if name.startswith(("luqum", "ply", "jobs.search."))),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "memory": psutil.Process().memory_info().rss / 1e6,
    }
