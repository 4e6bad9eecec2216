"""The job that works on an operation: put into the queue, and found again."""

from typing import Final

from jobs.enqueue import enqueue
from jobs.models import BulkOperation, Job
from jobs.statuses import Status

JOB_TYPE: Final = "bulk_operation"
#: A queue of its own: an operation is how people deal with another queue that is paused or overrun.
QUEUE: Final = "bulk"


def put_to_work(operation: BulkOperation) -> None:
    """Submit a job for an operation that the caller has locked; from then on no other one may work on it."""
    submitted = enqueue(JOB_TYPE, {"operation": str(operation.pk)})
    operation.job = submitted.id
    operation.save(update_fields=["job"])


def working_job(operation: BulkOperation) -> Job | None:
    """Give the operation's job, be it at work or not; None when it has none, or is gone."""
    if operation.job is None:
        return None
    return (
        Job.objects.filter(pk=operation.job).only("id", "status", "scheduled_at", "is_deleted", "error_message").first()
    )


def is_at_work(operation: BulkOperation) -> bool:
    """Tell whether some worker has the operation, or will have it: else it stands still until it is resumed."""
    job = working_job(operation)
    return job is not None and job.status in (Status.PENDING, Status.PROCESSING)
