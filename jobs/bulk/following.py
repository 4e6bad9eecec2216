"""What became of the jobs that an operation put back to work: of all of them, or of a sample where there are many."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count

from jobs.models import BulkChunk, BulkOperation, Job
from jobs.statuses import Status

#: Chunks that are looked at, spread evenly over the operation.
CHUNKS: Final = 20


@dataclass(frozen=True, slots=True)
class Fate:
    """How many jobs were looked at, and in what they ended; `gone` have been pruned since."""

    looked_at: int = 0
    completed: int = 0
    dead: int = 0
    failed: int = 0
    cancelled: int = 0
    running: int = 0
    pending: int = 0
    gone: int = 0

    @property
    def unfinished(self) -> int:
        return self.pending + self.running


def fate_of_all(operation: BulkOperation) -> Fate:
    """Give what became of the jobs of an operation, by a sample of CHUNKS chunks where there are more."""
    mine = BulkChunk.objects.filter(operation=operation)
    ids = list(mine.order_by("id").values_list("id", flat=True))
    step = max(1, -(-len(ids) // CHUNKS))
    chunks = mine.filter(id__in=ids[::step]).values_list("jobs", flat=True)
    return fate_of([job_id for jobs in chunks for job_id in jobs])


def fate_of(jobs: list[UUID]) -> Fate:
    """Count the jobs by what they are now."""
    found = Job.objects.filter(pk__in=jobs).order_by().values_list("status").annotate(Count("pk"))
    by_status = dict(found) if jobs else {}
    counts = {name: by_status.get(status, 0) for name, status in _STATUSES.items()}
    return Fate(looked_at=len(jobs), gone=len(jobs) - sum(counts.values()), **counts)


_STATUSES: Final = {
    "completed": Status.COMPLETED,
    "dead": Status.DEAD_LETTER,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
    "running": Status.PROCESSING,
    "pending": Status.PENDING,
}
