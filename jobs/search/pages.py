"""Jobs read for an answer: those columns that are wanted or that the query looks at, and the ends of the page."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import F, TextField
from django.db.models.functions import Cast

from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.search.asking import Asked, Highlight, columns_of
from jobs.search.highlights import highlighter
from jobs.search.language.tree import Node
from jobs.search.sorting import Place

_METADATA: Final = "metadata"
_TEXT: Final = "metadata_text"


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs in the order that was asked for, and the places from which the pages beside go on."""

    jobs: list[Job]
    after: Place | None
    before: Place | None

    def highlights(self, tree: Node) -> dict[UUID, list[Highlight]]:
        find = highlighter(tree)
        found = {}
        for job in self.jobs:
            with exact_metadata(job):
                if pieces := find(job):
                    found[job.pk] = pieces
        return found


def page_of(asked: Asked, jobs: Sequence[Job]) -> Page:
    """Make the page of rows in the order that they were looked for in, one more than is wanted if there are more."""
    shown = list(jobs[: asked.limit])
    places = [asked.sort.place_of(job) for job in shown]
    return turned(asked, shown, places, more=len(jobs) > asked.limit)


def turned(asked: Asked, jobs: list[Job], places: list[Place], *, more: bool) -> Page:
    """Put a page that was looked for backwards the right way round. `places` are those that have been gone through."""
    if not places:
        return Page(jobs, None, None)
    first, last = replace(places[0], backwards=False), replace(places[-1], backwards=False)
    if asked.backwards:
        return Page(jobs[::-1], first, replace(last, backwards=True) if more else None)
    before = replace(first, backwards=True) if asked.after is not None else None
    return Page(jobs, last if more else None, before)


def rows_of(jobs: JobQuerySet, asked: Asked, tree: Node) -> JobQuerySet:
    """Read of these jobs what the answer shows, and what the query looks at."""
    looked_at = columns_of(tree)
    if _METADATA in looked_at:
        # As text: what psycopg makes of it has lost digits of its numbers, and may be nested too deep for Python.
        jobs = jobs.annotate(**{_TEXT: Cast(F(_METADATA), TextField())})
    if not asked.columns:
        return jobs
    related = {column.partition("__")[0] for column in asked.columns if "__" in column}
    columns = {*asked.columns, *asked.sort.columns, *(looked_at - {_METADATA})}
    return jobs.only(*columns).select_related(*related) if related else jobs.only(*columns)


@contextmanager
def exact_metadata(job: Job) -> Iterator[None]:
    """Let the job's metadata be what the query looks at, with every digit of its numbers; then what it was."""
    row = job.__dict__
    if _TEXT not in row:
        yield
        return
    before = {_METADATA: row[_METADATA]} if _METADATA in row else {}
    try:
        row[_METADATA] = json.loads(row[_TEXT], parse_float=Decimal, parse_int=Decimal)
    except RecursionError:
        # Only SQL can have put it there; no query of ours leads so deep.
        row[_METADATA] = {}
    try:
        yield
    finally:
        del row[_METADATA]
        row.update(before)
