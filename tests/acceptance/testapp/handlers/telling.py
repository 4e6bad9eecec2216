"""Handlers that log as libraries do, without their context."""

import logging
from typing import Any

from asgiref.sync import sync_to_async

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
    return ctx.map("each", _say, [f"said in a map {n}" for n in range(2)], concurrency=2) + [_say("said in a thread")]


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
