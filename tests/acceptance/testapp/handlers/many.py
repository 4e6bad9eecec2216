"""One payload of many: it tells that it runs, waits at the gate behind a place, and some cannot be done at first."""

import time

from jobs.context import Context
from jobs.decorators import job
from jobs.exceptions import NonRetryableError
from tests.acceptance.testapp.journal import emit, is_open


@job("proof_item")
def item(ctx: Context, n: int, gate_at: int) -> int:
    emit("item", str(ctx.job.pk), n=n, key=ctx.idempotency_key)
    while n >= gate_at and not is_open("go"):
        time.sleep(0.01)
    if n % 500 == 7 and not is_open("mended"):
        raise NonRetryableError(f"{n} is broken")
    return n
