"""Finding and repairing what an index of jobs has otherwise than the database."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from jobs.exceptions import JobError
from jobs.models import SearchIndex
from jobs.models.columns import ClockTimestamp
from jobs.search.engine.client import Engine
from jobs.search.engine.link import engine as engine_of_settings
from jobs.search.sync.changes import changes_of
from jobs.search.sync.comparing import drifted, stretch
from jobs.search.sync.drift import Drift, Kind
from jobs.search.sync.progress import Progress, Unseen
from jobs.search.sync.rejecting import settle_rejections
from jobs.search.sync.sending import Change, send

_logger = logging.getLogger(__name__)

#: What helps when documents are newer than their jobs.
ADVICE: Final = "the database seems to be a restored one; only `manage.py search reindex` helps"


class NotServing(JobError):
    """There is no index to reconcile: search is not enabled, or its first index is still being loaded."""


def reconcile(repair: bool = True, progress: Progress | None = None) -> Drift:
    """Compare every job with the index that serves, and write down in its row what was found; repairs it if told to.

    Searches, changes and deletions go on meanwhile, and are not mistaken for drift.
    """
    engine, serving = engine_of_settings(), SearchIndex.objects.serving()
    if engine is None or serving is None:
        raise NotServing
    shown = progress or Unseen()
    shown.begin("comparing", serving.loaded or None)
    walk = Walk(serving.name)
    for step in walk.steps(engine, repair):
        shown.advance(step.checked)
    note(serving.name, walk.found)
    return walk.found


@dataclass(slots=True)
class Walk:
    """A way along the ids of an index and its jobs, which can be gone a part at a time."""

    index: str
    #: Everything up to this id has been compared.
    position: UUID | None = None
    found: Drift = field(default_factory=Drift)
    at_end: bool = False

    def steps(self, engine: Engine, repair: bool) -> Iterator[Drift]:
        """Go on to the end, giving what each step found."""
        while not self.at_end:
            yield self.step(engine, repair)

    def step(self, engine: Engine, repair: bool) -> Drift:
        """Compare the next stretch."""
        if self.position is None:
            # What was written a moment ago would be doubtful only because no search finds it yet.
            engine.refresh(self.index)
        part = stretch(engine, self.index, self.position)
        wrong = drifted(engine, self.index, part.doubtful())
        if repair:
            mend(engine, self.index, wrong)
        step = _counted(wrong, part.checked)
        self.found += step
        self.position, self.at_end = part.upto, part.upto is None
        return step


def mend(engine: Engine, index: str, wrong: Mapping[UUID, tuple[Kind, int]]) -> None:
    """Send what is missing or stale as it is now, and have orphans deleted; raises what is wrong with the engine."""
    lacking = [job for job, (kind, _) in wrong.items() if kind in {Kind.MISSING, Kind.STALE}]
    orphans = (Change(job, version, None) for job, (kind, version) in wrong.items() if kind is Kind.ORPHANED)
    outcomes = send(engine, [index], chain(changes_of(lacking), orphans))
    with transaction.atomic():
        settle_rejections(outcomes)
    if outcomes.error is not None:
        raise outcomes.error


def note(index: str, found: Drift) -> None:
    """Write into the index's row what a whole reconciliation found; metrics and alerts go by it.

    Documents that are newer than their jobs count as stale: those, too, show what is not so.
    """
    if found.total:
        _logger.warning("the index %s was not as it should be: %s", index, found)
    if found.newer:
        _logger.error("documents of %s are newer than their jobs: %s", index, ADVICE)
    SearchIndex.objects.filter(name=index).update(
        reconciled_at=ClockTimestamp(),
        missing=found.missing,
        stale=found.stale + found.newer,
        orphaned=found.orphaned,
        drifting_runs=F("drifting_runs") + 1 if found.total else 0,
    )


def _counted(wrong: Mapping[UUID, tuple[Kind, int]], checked: int) -> Drift:
    kinds = [kind for kind, _ in wrong.values()]
    return Drift(**{kind.value: kinds.count(kind) for kind in Kind}, checked=checked)
