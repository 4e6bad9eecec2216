"""deliver_webhook: one attempt to bring an event to an endpoint."""

from typing import Any
from uuid import UUID

from jobs.context import Context
from jobs.decorators import job
from jobs.webhooks.queueing import AT_ONCE, JOB_TYPE, QUEUE


@job(
    JOB_TYPE,
    queue=QUEUE,
    timeout=60.0,
    concurrency_key="webhook:{endpoint_id}",
    concurrency_limit=AT_ONCE,
    internal=True,
)
def deliver_webhook(ctx: Context, delivery_id: str, endpoint_id: str) -> dict[str, Any]:
    """Send a delivery; it decides by itself when it is tried again, so the job is done whatever came of it."""
    from jobs.webhooks.delivering import deliver  # what speaks HTTP is loaded where something is sent

    return deliver(ctx, UUID(delivery_id))
