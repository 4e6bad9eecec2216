"""Answering a query for the list of jobs: by the engine where there is one, else by PostgreSQL, which has the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest

from jobs import conf
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.search.as_q import as_q
from jobs.search.asking import Asked, Found, Highlight, columns_of
from jobs.search.finding import find
from jobs.search.highlights import highlighter
from jobs.search.language.errors import QueryError
from jobs.search.language.evaluation import fits
from jobs.search.language.fields import FACETS
from jobs.search.language.parsing import parse
from jobs.search.language.resolving import resolve
from jobs.search.language.tree import And, Node
from jobs.search.pages import exact_metadata, rows_of

#: So many are asked of the engine; of a query that fits more jobs the newest are shown, and it is said.
MOST: Final = 1_000
#: What the list has columns for anyway.
_COLUMNS: Final = frozenset({"job_type", "queue", "tags"})


@dataclass(slots=True)
class Answer:
    """Which jobs fit a query, and who said so."""

    tree: Node
    #: None while PostgreSQL looks for them itself.
    ids: list[UUID] | None = None
    #: None when nobody had to look: PostgreSQL alone, or jobs that were shown before.
    found: Found | None = None
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    error: QueryError | None = None

    @property
    def cut(self) -> bool:
        """Whether there are more that fit than were asked for."""
        return self.found is not None and self.found.after is not None

    def narrow(self, jobs: JobQuerySet) -> JobQuerySet:
        """Keep the jobs that fit."""
        if self.error:
            return jobs.none()
        if self.ids is not None:
            return jobs.filter(pk__in=self.ids)
        try:
            fitting = jobs.filter(as_q(self.tree))
        except QueryError as error:
            self.error = error
            return jobs.none()
        # Of few hits the whole table may have been looked at: once is enough, and not for the count, then the page.
        ids = list(fitting.values_list("pk", flat=True)[: MOST + 1])
        if len(ids) > MOST:
            return fitting
        self.ids = ids
        return jobs.filter(pk__in=ids)

    def highlights(self, jobs: Sequence[Job]) -> dict[UUID, list[Highlight]]:
        """Say why these rows are here, as far as the list does not show it; reads what it needs in one query."""
        if not jobs or self.error or not columns_of(self.tree):
            return {}
        mark = highlighter(self.tree)
        rows = rows_of(
            Job.objects.filter(pk__in=[job.pk for job in jobs]), Asked(self.tree, columns=("id",)), self.tree
        )
        marked = {}
        for row in rows:
            with exact_metadata(row):
                marked[row.pk] = [found for found in mark(row) if found.field not in _COLUMNS]
        return marked


def answered(tree: Node, conditions: Sequence[str], user: Any, before: list[UUID] | None) -> Answer:
    """Look for the jobs of a query that meet the conditions too.

    Those that were shown before need no search, only a look whether they still fit. Raises SearchTooBroad and
    SearchBusy, when PostgreSQL answers in the engine's place.
    """
    if before is not None:
        tree = resolve(tree)
        return Answer(tree, _still_fitting(tree, before))
    if not conf.search_urls():
        return Answer(resolve(tree))
    asked = Asked(
        And((tree, *map(parse, conditions))),
        limit=MOST,
        facets=FACETS,
        see_all=True,
        columns=("id",),
        highlights=False,
    )
    try:
        found = find(asked, user)
    except QueryError as error:
        return Answer(tree, error=error)
    facets = {name: {str(value): count for value, count in facet.values} for name, facet in found.facets.items()}
    return Answer(resolve(tree), [job.pk for job in found.jobs], found, facets)


def _still_fitting(tree: Node, ids: list[UUID]) -> list[UUID]:
    kept = []
    asked = Asked(tree, columns=("id",))
    for job in rows_of(Job.objects.filter(pk__in=ids), asked, tree):
        with exact_metadata(job):
            if fits(tree, job):
                kept.append(job.pk)
    return kept


def shown_before(request: HttpRequest) -> list[UUID] | None:
    """Give the jobs that a form says were shown, and that are to be acted on; None where it names none."""
    if request.method != "POST" or request.POST.get("select_across") == "1":
        return None
    named = [
        *request.POST.getlist("id"),
        *request.POST.getlist(ACTION_CHECKBOX_NAME),
        *request.POST.get("shown", "").split(),
    ]
    if len(named) > MOST:
        raise SuspiciousOperation("More jobs than one form may name")
    try:
        return [UUID(text) for text in named] or None
    except ValueError as error:
        raise SuspiciousOperation("An id must be a UUID") from error
