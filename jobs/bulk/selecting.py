"""The rows of a selection, in the order of their ids and a window of ids at a time: no statement of it runs long.

Nothing that is made after the operation is among them, whatever id it has: ids are made by clients, whose clocks may
be off, so the database's time of creation decides beside the newest id that there was.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.uuid7 import first_id_behind, first_id_since
from jobs.bulk.selectors import read_moment
from jobs.models import BulkItem, BulkOperation, DeadLetter, Job
from jobs.search.as_q import as_q
from jobs.search.asking import names
from jobs.search.language.parsing import parse
from jobs.search.language.resolving import resolve
from jobs.statuses import WAITING, Status

#: Rows that one look walks over at most.
WINDOW: Final = 5_000
FIRST: Final = UUID(int=0)
LAST: Final = UUID(int=2**128 - 1)

#: Their index has them in the order of ids.
_ENDED_BADLY: Final = frozenset({Status.FAILED, Status.CANCELLED, Status.DEAD_LETTER})


@dataclass(frozen=True, slots=True)
class Window:
    """Rows that come next, up to the id `reached`; None is at the end of the selection."""

    ids: list[UUID]
    reached: UUID | None


@dataclass(frozen=True)
class Selection:
    """What a checked selector finds of what there was at a moment, and not a row more."""

    target: str
    selector: Mapping[str, Any]
    upper_bound: UUID = LAST
    #: None is now.
    made_at: datetime | None = None

    @classmethod
    def of(cls, operation: BulkOperation) -> "Selection":
        return cls(operation.target, operation.selector, operation.upper_bound, operation.created_at)

    def window(self, after: UUID, most: int) -> Window:
        """Give up to so many rows behind an id; there may be none in a window, and others behind it."""
        if self.is_listed:
            ids = self._listed(after, most)
            return Window(ids, ids[-1] if len(ids) == most else None)
        edge = self._edge(after)
        found = self.rows().filter(pk__gt=after, pk__lte=self.upper_bound if edge is None else edge)
        ids = list(found.order_by("pk").values_list("pk", flat=True)[:most])
        return Window(ids, ids[-1] if len(ids) == most else edge)

    def rows(self) -> QuerySet[Any]:
        """Give all rows of it; walk them by `window` where there may be many."""
        if "ids" in self.selector:
            named: QuerySet[Any] = self._model.objects.filter(pk__in=self._ids)
            return named
        if "failures_of" in self.selector:
            failed: QuerySet[Any] = self._model.objects.filter(pk__in=self._failures().values("target_id"))
            return failed
        walked, condition = self._read
        frozen = {} if self.made_at is None else {f"{self._made}__lte": self.made_at}
        return walked.filter(condition, pk__lte=self.upper_bound, **frozen)

    @property
    def is_listed(self) -> bool:
        """Whether it names its rows one by one."""
        return "filter" not in self.selector

    def _edge(self, after: UUID) -> UUID | None:
        """Give the last id of the window behind `after`; None if the selection ends within it, or has no windows.

        It needs none where an index has the very rows that are meant.
        """
        if not self._read[1]:
            return None
        walked = self._read[0].filter(pk__gt=after, pk__lte=self.upper_bound).order_by("pk")
        return walked.values_list("pk", flat=True)[WINDOW - 1 : WINDOW].first()

    def _listed(self, after: UUID, most: int) -> list[UUID]:
        if "ids" in self.selector:
            start = bisect_right(self._ids, after)
            return self._ids[start : start + most]
        behind = self._failures().filter(target_id__gt=after).order_by("target_id")
        return list(behind.values_list("target_id", flat=True)[:most])

    def _failures(self) -> QuerySet[BulkItem]:
        return BulkItem.objects.filter(operation_id=self.selector["failures_of"], outcome="failed").order_by()

    @cached_property
    def _ids(self) -> list[UUID]:
        return sorted(UUID(text) for text in self.selector["ids"])

    @property
    def _model(self) -> Any:
        return Job if self.target == "job" else DeadLetter

    @property
    def _made(self) -> str:
        return "created_at" if self.target == "job" else "moved_at"

    @cached_property
    def _read(self) -> tuple[QuerySet[Any], Q]:
        """Give the rows that an index has in the order of ids, and what else holds of those that are meant."""
        read = _read_jobs if self.target == "job" else _read_letters
        return read(dict(self.selector["filter"]), self.made_at)


def rows(
    target: str, selector: Mapping[str, Any], upper_bound: UUID = LAST, made_at: datetime | None = None
) -> QuerySet[Any]:
    """Give the jobs or dead letters of a checked selector."""
    return Selection(target, selector, upper_bound, made_at).rows()


def _read_jobs(wanted: dict[str, Any], now: datetime | None) -> tuple[QuerySet[Any], Q]:
    walked: QuerySet[Any] = Job.objects.all()
    condition, statuses = Q(), wanted.get("status", [])
    if wanted.get("deleted"):
        walked = walked.filter(is_deleted=True)
    elif len(statuses) == 1 and statuses[0] in _ENDED_BADLY:
        walked = walked.filter(status=statuses[0])
    elif "parent" in wanted:
        walked = walked.filter(parent_id=wanted["parent"])
    if statuses:
        condition &= Q(status__in=statuses)
    columns = {"type": "job_type", "queue": "queue", "parent": "parent_id", "batch": "batch_id"}
    columns |= {"schedule": "schedule_id", "priority_min": "priority__gte", "priority_max": "priority__lte"}
    condition &= Q(**{column: wanted[name] for name, column in columns.items() if name in wanted})
    if "tag" in wanted:
        condition &= Q(tags__contains=[wanted["tag"]])
    walked, condition = _between(walked, condition, wanted, "created")
    for name, lookup in (("scheduled_after", "scheduled_at__gte"), ("scheduled_before", "scheduled_at__lt")):
        if name in wanted:
            condition &= Q(**{lookup: read_moment(wanted[name])})
    tree = resolve(parse(wanted["q"], now)) if "q" in wanted else None
    if tree is not None:
        condition &= as_q(tree)
    if not wanted.get("deleted") and (tree is None or not names(tree, "is_deleted")):
        condition &= Q(is_deleted=False)
    return walked, condition


def _read_letters(wanted: dict[str, Any], now: datetime | None) -> tuple[QuerySet[Any], Q]:
    resolutions = wanted.get("resolution", [])
    # What lies on the desk, which is what can be acted on, unless others are asked for.
    waiting = set(resolutions) <= set(WAITING)
    walked: QuerySet[Any] = DeadLetter.objects.open() if waiting else DeadLetter.objects.all()
    condition = Q(resolution_status__in=resolutions) if resolutions else Q()
    columns = {"type": "job_type", "fingerprint": "error_fingerprint"}
    # Each of them has an index in the order of ids.
    walked = walked.filter(**{column: wanted[name] for name, column in columns.items() if name in wanted})
    walked, condition = _between(walked, condition, wanted, "moved")
    if "queue" in wanted:
        condition &= Q(original_job__queue=wanted["queue"])
    if "q" in wanted:
        condition &= Q(original_job__in=Job.objects.filter(as_q(resolve(parse(wanted["q"], now)))).order_by())
    return walked, condition


def _between(walked: QuerySet[Any], condition: Q, wanted: Mapping[str, Any], prefix: str) -> tuple[QuerySet[Any], Q]:
    """Keep to what was made between two moments: by the ids, which begin with their time, and to the instant."""
    if since := wanted.get(f"{prefix}_after"):
        walked = walked.filter(pk__gte=first_id_since(read_moment(since)))
        condition &= Q(**{f"{prefix}_at__gte": read_moment(since)})
    if before := wanted.get(f"{prefix}_before"):
        walked = walked.filter(pk__lt=first_id_behind(read_moment(before)))
        condition &= Q(**{f"{prefix}_at__lt": read_moment(before)})
    return walked, condition
