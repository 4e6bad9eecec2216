"""What a job's dependencies have come to, for its handler."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from jobs.models import Batch, Dependency

#: Results are read so many at a time: each may be megabytes.
PAGE: Final = 100


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
        return self._edges.count()

    def __iter__(self) -> Iterator[Ended]:
        last = 0
        while True:
            page = list(self._edges.filter(pk__gt=last).order_by("pk")[:PAGE])
            for edge in page:
                # What was deleted since is left out.
                if ended := self._read(edge):
                    yield ended
            if len(page) < PAGE:
                return
            last = page[-1].pk

    def __getitem__(self, key: str | uuid.UUID) -> Ended:
        """Give the one of this step, or of this id; raises KeyError."""
        job_id = self._ids.get(str(key), str(key))
        try:
            edge = self._edges.filter(depends_on=uuid.UUID(job_id)).first()
        except ValueError:
            edge = None
        if edge is None or (ended := self._read(edge)) is None:
            raise KeyError(key)
        return ended

    @property
    def _edges(self) -> Any:
        names = ("job_type", "status", "result", "error_message")
        columns = [f"depends_on__{name}" for name in names]
        return Dependency.objects.filter(job=self._job_id).select_related("depends_on").only("depends_on", *columns)

    @cached_property
    def _ids(self) -> dict[str, str]:
        steps = Batch.objects.filter(jobs=self._job_id).values_list("steps", flat=True).first()
        return steps or {}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {job_id: name for name, job_id in self._ids.items()}

    def _read(self, edge: Dependency) -> Ended | None:
        job = edge.depends_on
        name = self._names.get(str(job.pk))
        return Ended(job.pk, name, job.job_type, job.status, job.result, job.error_message)
