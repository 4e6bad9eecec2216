"""What people search for, and how long the engine and PostgreSQL take to answer it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Final

from django.conf import settings
from django.db import connection

from accounts.models import User
from accounts.roles import Role
from jobs.api.job import DEFAULT_NAMES, columns_of
from jobs.bench.measures import Tick
from jobs.bench.search_jobs import BenchJobs
from jobs.bench.server import app_role
from jobs.exceptions import SearchTooBroad
from jobs.search.asking import Asked, Found, Source
from jobs.search.engine import link
from jobs.search.finding import find
from jobs.search.language.parsing import parse
from jobs.search.sorting import SORTS

#: Each is asked for no longer than this, and a few times at least.
LONGEST_SECONDS: Final = 20.0
FEWEST: Final = 3
WARM_UP: Final = 3


@dataclass(frozen=True, slots=True)
class Query:
    """One search; `{id}` is the id of some job, `{host}` a host, `{digest}` a value that one job has."""

    name: str
    text: str
    #: Whether one of PostgreSQL's indexes leads to the hits, or hits are so frequent that the newest are soon found.
    served: bool
    sort: str = "-created_at"
    #: A client who owns a hundredth of the jobs; else somebody of the staff, who sees all.
    own: bool = False
    facets: tuple[str, ...] = ()


QUERIES: Final = (
    Query("all", "", True),
    Query("own", "", True, own=True),
    Query("own completed", "status:completed", True, own=True),
    Query("own failed on arm64", "status:failed arch:arm64", True, own=True),
    Query("one id", "id:{id}", True),
    Query("failed", "status:failed", True),
    Query("failed today", "status:failed created_at:[now-1d TO *]", True),
    Query("failed, a word of the error", 'status:failed error_message:"cc1plus"', True),
    Query("failed, a class of errors", "status:failed error_class:TimeoutError", True),
    Query("tagged", "tags:release", True),
    Query("frequent", "arch:arm64", True),
    Query("frequent, not these", "project_name:compiler* NOT user_email:*@example.org", True),
    Query("frequent number in metadata", "metadata.cpuCores:>=16", True),
    Query(
        "many conditions",
        'status:failed AND arch:arm64 AND (project_name:compiler* OR hostname:"{host}")'
        " AND created_at:[now-7d TO *] AND metadata.cpuCores:>=4 NOT user_email:*@example.org",
        True,
    ),
    Query("failed, with facets", "status:failed", True, facets=("status", "job_type", "arch")),
    Query("one of 200 projects", "project_name:compiler-7", True),
    Query("one of 500 hosts", 'hostname:"{host}"', False),
    Query("a rare value in metadata", 'metadata.dockerImageId:"{digest}"', False),
    Query("a rare word anywhere", '"{digest}"', False),
    Query("frequent, latest change first", "status:completed arch:arm64", False, sort="-updated_at"),
    Query("all, with facets", "", False, facets=("status", "job_type", "arch")),
)


def queries(jobs: BenchJobs, source: Source, times: int, tick: Tick) -> dict[str, dict[str, float]]:
    """Ask each query so often; give the percentiles in milliseconds, and what there was of each answer."""
    names = _names(jobs)
    staff = User(pk=jobs.owner.pk, user_id=jobs.owner.user_id, role=Role.VIEWER)
    figures = {}
    with _in_role():
        for query in QUERIES:
            asked = Asked(
                parse(query.text.format(**names)),
                SORTS[query.sort],
                facets=query.facets,
                see_all=not query.own,
                columns=tuple(columns_of(DEFAULT_NAMES)),
            )
            user = jobs.owner if query.own else staff
            figures[query.name] = _measured(lambda: find(asked, user), source, times)  # noqa: B023 - called in this round
            tick(f"search: {query.name}"[:32])
    return figures


@contextmanager
def without_engine() -> Iterator[None]:
    """Have PostgreSQL answer inside the block, as where no engine is configured."""
    urls, settings.ELASTICSEARCH_URLS = settings.ELASTICSEARCH_URLS, []
    try:
        yield
    finally:
        settings.ELASTICSEARCH_URLS = urls
        link.forget()


def _measured(ask: Callable[[], Found], source: Source, times: int) -> dict[str, float]:
    """Give the milliseconds of the answers of this source; others, and refusals, are counted."""
    # What a slow query did to the circuit is not the next one's.
    link.forget()
    taken: list[float] = []
    others = {"refused": 0, "fell_back": 0}
    began = time.monotonic()
    for n in range(WARM_UP + times):
        asked = time.perf_counter()
        try:
            found = ask()
        except SearchTooBroad:
            others["refused"] += 1
        else:
            others["fell_back"] += found.source != source
            if found.source == source and (n >= WARM_UP or not taken):
                taken.append(1000 * (time.perf_counter() - asked))
                hits = found.total.value
        if n + 1 >= FEWEST and time.monotonic() - began > LONGEST_SECONDS:
            break
    told = {name: number for name, number in others.items() if number}
    if len(taken) < FEWEST:
        return {**told, "times": n + 1}
    return {**spread(taken), "hits": hits, **told, "times": n + 1}


def spread(taken: list[float], unit: str = "ms") -> dict[str, float]:
    """Give the percentiles that people ask for."""
    cuts = quantiles(taken, n=100, method="inclusive")
    return {f"p50_{unit}": cuts[49], f"p95_{unit}": cuts[94], f"p99_{unit}": cuts[98]}


def _names(jobs: BenchJobs) -> dict[str, str]:
    sql = "SELECT id::text, hostname, metadata->>'dockerImageId' FROM job_queue WHERE id = %s"
    with connection.cursor() as cursor:
        # From the middle: neither the newest nor the oldest.
        cursor.execute(sql, [jobs.some(1, jobs.count // 2)[0]])
        return dict(zip(("id", "host", "digest"), cursor.fetchone(), strict=True))


@contextmanager
def _in_role() -> Iterator[None]:
    """Work as web processes do where that role may be had: row-level security has its price."""
    role = app_role()
    with connection.cursor() as cursor:
        if role:
            cursor.execute(f"SET ROLE {role}")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")
