"""Jobs that do nothing, for `manage.py bench`: one on the event loop, one in a thread."""

import time

from jobs.context import Context
from jobs.decorators import job


@job("bench_coroutine", queue="bench", internal=True)
async def bench_coroutine(ctx: Context, n: int = 0, clock: bool = False) -> float:
    """Give back a number or, with `clock`, the time at which it ran, on the event loop."""
    return time.time() if clock else n


@job("bench_thread", queue="bench", internal=True)
def bench_thread(ctx: Context, n: int = 0) -> int:
    """Give back a number, in a thread."""
    return n
