"""What was typed into the box above the list of jobs, and how it is read."""

import re
import uuid
from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.http import HttpRequest

from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.search.asking import names
from jobs.search.completing import condition
from jobs.search.language.errors import QueryError
from jobs.search.language.parsing import parse
from jobs.search.language.tree import And, Contains, Node

_ID_PREFIX: Final = re.compile(r"[0-9a-f-]{6,36}")
_TAG: Final = "tag:"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the box means: everything, an id's beginning, a whole tag, a query; or an error, and then nothing."""

    text: str
    ids: tuple[uuid.UUID, uuid.UUID] | None = None
    tag: str | None = None
    tree: Node | None = None
    error: QueryError | None = None

    @property
    def query(self) -> str | None:
        """The same in the query language; None for the beginning of an id, which it has no words for."""
        if self.tag is not None:
            return condition("tags", self.tag)
        return self.text if self.tree is not None else None

    def narrow(self, jobs: JobQuerySet) -> JobQuerySet:
        """Keep what is meant, when that needs no search."""
        if self.error:
            return jobs.none()
        if self.ids:
            return jobs.filter(id__gte=self.ids[0], id__lte=self.ids[1])
        return jobs.filter(tagged(self.tag)) if self.tag is not None else jobs

    def speaks_of(self, field: str) -> bool:
        """Say whether the query has a condition on the field."""
        return self.tree is not None and names(self.tree, field)


def reading_of(request: HttpRequest) -> Reading:
    """Read the box, once for a request: the list and its filters both ask."""
    found: Reading | None = getattr(request, "_ekiden_reading", None)
    if found is None:
        found = read(request.GET.get("q", "").replace("\x00", "").strip())
        request._ekiden_reading = found  # type: ignore[attr-defined]
    return found


def read(text: str) -> Reading:
    """Say what a text means: an id before a tag that some job has, and that before words to look for."""
    if not text:
        return Reading("")
    if _ID_PREFIX.fullmatch(text.lower()):
        return Reading(text, ids=_bounds(text))
    try:
        tree, error = parse(text), None
    except QueryError as wrong:
        tree, error = None, wrong
    tag = text.removeprefix(_TAG)
    if (tree is None or _is_words(tree)) and Job.objects.filter(tagged(tag)).exists():
        return Reading(text, tag=tag)
    return Reading(text, tree=tree, error=error)


def tagged(tag: str) -> Q:
    # The second condition is that of the database index: only tagged jobs are in it.
    return ~Q(tags=[]) & Q(tags__contains=[tag])


def _bounds(text: str) -> tuple[uuid.UUID, uuid.UUID]:
    digits = text.lower().replace("-", "")[:32]
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


def _is_words(tree: Node) -> bool:
    """Whether nothing is named and nothing excluded: words, which may be a tag as a whole."""
    if isinstance(tree, And):
        return all(_is_words(part) for part in tree.parts)
    return isinstance(tree, Contains) and tree.field is None
