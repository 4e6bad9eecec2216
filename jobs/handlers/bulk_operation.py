"""bulk_operation: one act on all the jobs or dead letters of a selection, in rounds."""

from typing import Any
from uuid import UUID

from jobs.bulk.working import JOB_TYPE, QUEUE
from jobs.context import Context
from jobs.decorators import job
from jobs.statuses import Priority


@job(
    JOB_TYPE,
    queue=QUEUE,
    # Operators deal with an overrun queue by such acts: these must not wait behind it. They take a slot or two at
    # most, and only for some seconds at a time.
    priority=Priority.HIGH,
    concurrency_key="bulk_operations",
    concurrency_limit=2,
    max_retries=10,
    internal=True,
)
def bulk_operation(ctx: Context, operation: str) -> dict[str, Any]:
    """Act on the next rows of an operation, as often as it takes."""
    # Here, because it needs the query language, and most workers never come here.
    from jobs.bulk.rounds import work

    return work(ctx, UUID(operation))
