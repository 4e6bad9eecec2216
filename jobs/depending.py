"""What a job's dependencies have come to, for its handler."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.db.models import QuerySet

from jobs.models import Batch, Dependency, Job

#: Results are read so many at a time: each may be megabytes.
PAGE: Final = 100
_COLUMNS: Final = ("job_type", "status", "result", "error_message")


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that another one waited for, as it is now."""

    id: uuid.UUID
    #: Of its step, in a workflow.
    name: str | None
    job_type: str
    status: str
    result: Any
    #: What its last failed attempt said.
    error: str | None


class Dependencies:
    """The jobs that one depended on, in the order they were submitted; read while one goes through them.

    `context.dependencies["fetch"].result` in a workflow; `[each.result for each in context.dependencies]` of a batch.
    """

    def __init__(self, job_id: uuid.UUID) -> None:
        self._job_id = job_id

    def __len__(self) -> int:
        return int(self._edges.count())

    def __iter__(self) -> Iterator[Ended]:
        # Sorted here: an order by id would tempt the planner to walk all dependencies that there are.
        pairs = sorted(self._edges.order_by().values_list("pk", "depends_on_id"))
        for start in range(0, len(pairs), PAGE):
            ids = [job_id for _, job_id in pairs[start : start + PAGE]]
            jobs = Job.objects.only(*_COLUMNS).in_bulk(ids)
            # What was deleted since is left out.
            yield from (self._read(jobs[job_id]) for job_id in ids if job_id in jobs)

    def __getitem__(self, key: str | uuid.UUID) -> Ended:
        """Give the one of this step, or of this id; raises KeyError."""
        job_id = self._ids.get(str(key), str(key))
        try:
            wanted = self._edges.filter(depends_on=uuid.UUID(job_id)).values("depends_on")
        except ValueError:
            raise KeyError(key) from None
        job = Job.objects.only(*_COLUMNS).filter(pk__in=wanted).order_by().first()
        if job is None:
            raise KeyError(key)
        return self._read(job)

    @property
    def _edges(self) -> QuerySet[Dependency]:
        return Dependency.objects.filter(job=self._job_id)

    @cached_property
    def _ids(self) -> dict[str, str]:
        steps = Batch.objects.filter(jobs=self._job_id).values_list("steps", flat=True).first()
        return steps or {}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {job_id: name for name, job_id in self._ids.items()}

    def _read(self, job: Job) -> Ended:
        name = self._names.get(str(job.pk))
        return Ended(job.pk, name, job.job_type, job.status, job.result, job.error_message)
