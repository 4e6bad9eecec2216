"""What holds once everything is quiet: index and database have the same jobs, in the same versions, written alike."""

from collections.abc import Iterator
from typing import Any

from jobs.models import Job, SearchIndex, SearchRejection
from jobs.search.documents import document, documentable
from jobs.search.engine.client import Engine
from jobs.search.engine.link import engine as engine_of_settings
from jobs.search.mapping import index_body

#: What an index does not give back of a document.
UNREAD = frozenset(index_body()["mappings"]["_source"]["excludes"])

PAGE = 1_000


def assert_agreement(index: str | None = None) -> None:
    """Fail, naming some jobs, unless an index holds exactly what the database does; it is the one that serves."""
    differing = differences(index)
    assert not differing, "\n".join([f"{len(differing)} jobs differ", *differing[:10]])


def differences(index: str | None = None) -> list[str]:
    """Say of each job how its document is not as it should be. A job whose document was refused needs none."""
    engine = engine_of_settings()
    assert engine is not None
    name = index or _serving()
    engine.refresh(name)
    found = {hit["_id"]: hit for hit in _hits(engine, name)}
    aside = {str(job) for job in SearchRejection.objects.values_list("job_id", flat=True)}
    differing = []
    for job in documentable(Job.objects.order_by("id")).iterator():
        hit = found.pop(str(job.pk), None)
        if str(job.pk) not in aside and (words := _difference(job, hit)):
            differing.append(f"{job.pk}: {words}")
    return differing + [f"{orphan}: the job is gone" for orphan in found]


def _difference(job: Job, hit: dict[str, Any] | None) -> str:
    if hit is None:
        return "it has no document"
    if hit["_version"] != job.version:
        return f"version {hit['_version']} instead of {job.version}"
    wanted = {name: value for name, value in document(job).items() if name not in UNREAD}
    return "" if hit["_source"] == wanted else f"{hit['_source']} instead of {wanted}"


def _serving() -> str:
    serving = SearchIndex.objects.serving()
    assert serving is not None, "no index serves"
    return serving.name


def _hits(engine: Engine, index: str) -> Iterator[dict[str, Any]]:
    body: dict[str, Any] = {"size": PAGE, "sort": [{"id": "asc"}], "version": True}
    while hits := engine.search(index, body, 30)["hits"]["hits"]:
        yield from hits
        body["search_after"] = hits[-1]["sort"]
