"""Handlers that do what handlers should not."""

import asyncio
import ctypes
import os
import sys
import time
from typing import Any

from django.db import connection

from jobs.backoff import constant
from jobs.context import Context
from jobs.decorators import job
from jobs.exceptions import RateLimitError, Snooze
from tests.acceptance.testapp.handlers.ordinary import SOON, told


@job("proof_hang", timeout=0.5, backoff=SOON, max_retries=0)
def hang(ctx: Context) -> None:
    """Heed nothing, for ever."""
    told(ctx, "run")
    while True:
        time.sleep(60)


@job("proof_hang_heedful", timeout=0.5, max_retries=0)
def hang_heedful(ctx: Context) -> str:
    told(ctx, "run")
    while not ctx.is_cancelled():
        time.sleep(0.01)
    told(ctx, "told")
    return "too late"


@job("proof_ahang", timeout=0.5, max_retries=0)
async def ahang(ctx: Context) -> None:
    told(ctx, "run")
    try:
        await asyncio.sleep(3600)
    finally:
        told(ctx, "interrupted")


@job("proof_astubborn", timeout=0.5, max_retries=0)
async def astubborn(ctx: Context) -> None:
    """Swallow the cancelling."""
    told(ctx, "run")
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            told(ctx, "swallowed")


@job("proof_phang", timeout=0.5, isolation="process", max_retries=0)
def phang(ctx: Context) -> None:
    told(ctx, "run")
    while True:
        time.sleep(60)


@job("proof_exit", isolation="process", backoff=SOON)
def leave(ctx: Context, code: int = 7) -> None:
    told(ctx, "run")
    os._exit(code)


@job("proof_segfault", isolation="process", backoff=SOON)
def segfault(ctx: Context) -> None:
    told(ctx, "run")
    ctypes.string_at(0)


@job("proof_close_all", isolation="process", timeout=1.0)
def close_all(ctx: Context) -> None:
    """Close every descriptor, the pipe to the worker too, and hang."""
    told(ctx, "run")
    os.closerange(3, 1024)
    while True:
        time.sleep(60)


@job("proof_exit_worker", backoff=SOON)
def exit_worker(ctx: Context) -> None:
    """Take the whole worker along."""
    told(ctx, "run")
    os._exit(9)


@job("proof_return", max_retries=0)
def give(ctx: Context, what: str) -> Any:
    told(ctx, "run")
    return {
        "object": lambda: object(),
        "set": lambda: {1, 2},
        "bytes": lambda: b"x",
        "nul": lambda: {"text": "a\x00b"},
        "surrogate": lambda: ["\ud800"],
        "nan": lambda: float("nan"),
        "infinity": lambda: {"n": float("inf")},
        "huge": lambda: "x" * 2_000_000,
        "digits": lambda: 10**5000,
        "cycle": _cycle,
        "deep": _deep,
        "keys": lambda: {1: "number"},
        "large": lambda: "x" * 1_000_000,
    }[what]()


def _cycle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


def _deep() -> Any:
    nested: Any = 0
    for _ in range(100_000):
        nested = [nested]
    return nested


class Unspeakable(Exception):
    """An error that cannot even be printed."""

    def __str__(self) -> str:
        raise ValueError("no words")


def _errors() -> dict[str, BaseException]:
    return {
        "base": BaseException("base"),
        "exit": SystemExit(3),
        "interrupt": KeyboardInterrupt(),
        "cancelled": asyncio.CancelledError(),
        "generator": GeneratorExit(),
        "memory": MemoryError(),
        "unspeakable": Unspeakable(),
        "nul": ValueError("a\x00b \ud800"),
        "group": BaseExceptionGroup("several", [ValueError("a"), KeyboardInterrupt()]),
        "recursion": RecursionError(),
        "snooze_nan": Snooze(float("nan")),
        "rate_none": RateLimitError(retry_after=None),  # type: ignore[arg-type]
        "rate_forever": RateLimitError(retry_after=float("inf")),
        "stop": StopIteration(1),
    }


@job("proof_raise", max_retries=0)
def throw(ctx: Context, what: str) -> None:
    told(ctx, "run")
    raise _errors()[what]


@job("proof_araise", max_retries=0)
async def athrow(ctx: Context, what: str) -> None:
    told(ctx, "run")
    raise _errors()[what]


@job("proof_praise", max_retries=0, isolation="process")
def pthrow(ctx: Context, what: str) -> None:
    told(ctx, "run")
    raise _errors()[what]


def broken(retries: int) -> float:
    raise ZeroDivisionError("a back-off with a bug")


@job("proof_broken_backoff", backoff=broken)
def broken_backoff(ctx: Context) -> None:
    told(ctx, "run")
    raise RuntimeError("it broke")


@job("proof_broken_backoff_hang", backoff=broken, timeout=0.3)
def broken_backoff_hang(ctx: Context) -> None:
    told(ctx, "run")
    while not ctx.is_cancelled():
        time.sleep(0.01)


@job("proof_endless_backoff", backoff=constant(float("inf")))
def endless_backoff(ctx: Context) -> None:
    told(ctx, "run")
    raise RuntimeError("it broke")


@job("proof_odd_progress")
def odd_progress(ctx: Context) -> str:
    ctx.progress(1e9, "x" * 100_000)
    ctx.progress(10, "half a pair \ud800 and \x00")
    time.sleep(0.1)  # the recorder takes only the latest word
    told(ctx, "run")
    return "said"


@job("proof_noise", isolation="process")
def noise(ctx: Context, size: int = 300_000) -> str:
    """Print more than any pipe holds."""
    sys.stdout.write("x" * size + "\n")
    os.write(1, b"y" * size)
    told(ctx, "run")
    return "printed"


@job("proof_dirty", backoff=SOON)
def dirty(ctx: Context) -> None:
    """Leave the slot's connection in a transaction."""
    told(ctx, "run")
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO proof_effects VALUES (%s, 1)", [ctx.idempotency_key])


@job("proof_tidy", backoff=SOON)
def tidy(ctx: Context) -> None:
    told(ctx, "run")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO proof_effects VALUES (%s, 1)", [ctx.idempotency_key])


@job("proof_leak", isolation="process")
def leak(ctx: Context) -> int:
    """Leave descriptors open."""
    _leaked.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(20))
    told(ctx, "run")
    return os.getpid()


_leaked: list[int] = []
