"""Holds the jobs of a stretch of ids against their documents, while both are being written."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from jobs.models import Job, SearchRejection, SearchTombstone
from jobs.search.engine.client import Engine
from jobs.search.sync.drift import Kind

#: Jobs, or documents, that are looked at in one step.
AT_ONCE: Final = 2_000
#: What one look at the engine may take; nobody waits for it.
SECONDS: Final = 30.0

_FIRST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What lies behind one id and up to another, on both sides."""

    #: Up to here both sides are known; None is the end of both.
    upto: UUID | None
    #: Of jobs that are not waiting to be sent.
    jobs: Mapping[UUID, int]
    #: Of all jobs, however they stand.
    checked: int
    #: In which version the index has them.
    documents: Mapping[UUID, int]
    waiting: Collection[UUID]

    def doubtful(self) -> set[UUID]:
        """Ids that may be drift; the sides were read one after the other, and much may have changed between."""
        unlike = {job for job, version in self.jobs.items() if self.documents.get(job) != version}
        return unlike | {job for job in self.documents if job not in self.jobs and job not in self.waiting}


def stretch(engine: Engine, index: str, after: UUID | None) -> Stretch:
    """Read the next stretch of both sides; as far as the side goes that has more in it."""
    after = after or _FIRST
    rows = list(
        Job.objects.filter(id__gt=after).order_by("id").values_list("id", "version", "es_sync_version")[:AT_ONCE]
    )
    documents = _documents(engine, index, {"range": {"id": {"gt": str(after)}}})
    ends = [side[-1][0] for side in (rows, documents) if len(side) == AT_ONCE]
    upto = min(ends) if ends else None
    rows = [row for row in rows if upto is None or row[0] <= upto]
    return Stretch(
        upto,
        {job: version for job, version, sent in rows if sent >= version},
        len(rows),
        {job: version for job, version in documents if upto is None or job <= upto},
        {job for job, version, sent in rows if sent < version},
    )


def drifted(engine: Engine, index: str, doubtful: Collection[UUID]) -> dict[UUID, tuple[Kind, int]]:
    """Look again at doubtful ids; gives those that no change explains, with the version that the index has (or 0).

    In this order: what is written down as sent, what the engine has of it, what there is of the job. Whatever was sent
    before the first look is seen by the second; whatever changed since is seen by the third.
    """
    if not doubtful:
        return {}
    settled = _settled(doubtful)
    if not settled:
        return {}
    engine.refresh(index)
    query = {"terms": {"id": [str(job) for job in settled]}}
    documents = dict(_documents(engine, index, query, size=len(settled)))
    now = dict(Job.objects.filter(id__in=settled).values_list("id", "version"))
    found: dict[UUID, tuple[Kind, int]] = {}
    for job, sent in settled.items():
        kind = _kind(sent, documents.get(job), now.get(job))
        if kind is not None:
            found[job] = (kind, documents.get(job, 0))
    return found


def _kind(sent: int | None, document: int | None, now: int | None) -> Kind | None:
    """Say how a job and its document differ: `sent` is None for a job that was not there, `now` for one that is not."""
    if now is None:
        # A job that was there a moment ago has been deleted since, and its tombstone is on its way.
        return Kind.ORPHANED if document is not None and sent is None else None
    if sent is None:
        # It is new; or its row has come back.
        return None
    if document is None:
        return Kind.MISSING
    if document < sent:
        return Kind.STALE
    return Kind.NEWER if document > now else None


def _settled(doubtful: Iterable[UUID]) -> dict[UUID, int | None]:
    """Give those of which nothing is left to be sent, with the version that was; None where there is no job."""
    ids = list(doubtful)
    rows = {
        job: (version, sent)
        for job, version, sent in Job.objects.filter(id__in=ids).values_list("id", "version", "es_sync_version")
    }
    # Behind the jobs: of one that is gone by then the tombstone is there by now, or has done its work; and whatever was
    # refused was put aside before it counted as sent.
    buried = set(SearchTombstone.objects.filter(job_id__in=ids).values_list("job_id", flat=True))
    aside = set(SearchRejection.objects.filter(job_id__in=ids).values_list("job_id", flat=True))
    settled: dict[UUID, int | None] = {}
    for job in ids:
        version, sent = rows.get(job, (None, 0))
        if job not in aside and job not in buried and (version is None or sent >= version):
            settled[job] = version
    return settled


def _documents(engine: Engine, index: str, query: dict[str, Any], size: int = AT_ONCE) -> list[tuple[UUID, int]]:
    """Give ids and versions of documents, in the order of their ids."""
    body = {
        "query": query,
        "sort": [{"id": "asc"}],
        "size": size,
        "_source": False,
        "version": True,
        "track_total_hits": False,
    }
    hits = engine.search(index, body, SECONDS)["hits"]["hits"]
    return [(UUID(hit["_id"]), int(hit["_version"])) for hit in hits]
