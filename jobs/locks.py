"""What people do to a lock: take a job from a worker that holds it and will not let go."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from jobs import status_cache
from jobs.announce import announce
from jobs.exceptions import InvalidState, LockLost
from jobs.models import Job, ProcessingLock
from jobs.models.audit import audit
from jobs.statuses import Status


@transaction.atomic
def release(job_id: UUID, actor: Any, reason: str = "", lock_token: int | None = None) -> Job:
    """Take the job from its worker: as if the worker were lost, it uses up a retry and runs again or dies.

    Whatever the worker still reports is refused, since its token is gone. With `lock_token`, only that very lock is
    released: raises LockLost when the job has been claimed anew. Raises InvalidState when nobody holds it.
    """
    lock = ProcessingLock.objects.filter(job_id=job_id).first()
    if lock is None:
        raise InvalidState("release", Job.objects.values_list("status", flat=True).get(pk=job_id))
    status_cache.block([job_id])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fail_job(%s, %s, 'LockReleased', %s,"
            " jsonb_build_object('kind', 'lost_worker', 'worker', %s::text))",
            [job_id, lock_token or lock.lock_token, f"{actor} took the job from its worker.", lock.worker_id],
        )
        (status,) = cursor.fetchone()
    if status is None:
        raise LockLost
    job = Job.objects.get(pk=job_id)
    audit(actor, "release", job, reason, worker=lock.worker_id, status_after=status)
    if status == Status.PENDING:
        announce([(job.queue, job.priority)])
    return job
