"""Answers of PostgreSQL: of every search where there is no engine, and in its place while it is away.

An outage of the engine must not become one of the database. So only a few searches run at a time in one process, the
others wait a moment and are sent away, and none may look at more than it can in a few seconds.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from django.db import connection

from accounts.row_security import acting_as
from jobs.exceptions import SearchBusy, SearchTooBroad
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.models.statement_limit import StatementStopped, statement_limit
from jobs.search import facets
from jobs.search.as_q import as_q
from jobs.search.asking import MOST_COUNTED, Asked, Facet, Found, Source, Total, jobs_of
from jobs.search.language.tree import Node
from jobs.search.pages import page_of, rows_of

#: That one query may take.
SECONDS: Final = 5.0
#: The number of hits may take so long; then it is only said that there are more than on the page.
SECONDS_TO_COUNT: Final = 0.1
#: That a search waits until another one is through.
PATIENCE: Final = 1.0

_MOMENT: Final = "SELECT clock_timestamp()"


class Places:
    """So many searches may run at a time; the others wait a moment."""

    def __init__(self, number: int) -> None:
        self._free = threading.BoundedSemaphore(number)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Have a place within the block; raises SearchBusy where none becomes free in time."""
        if not self._free.acquire(timeout=PATIENCE):
            raise SearchBusy
        try:
            yield
        finally:
            self._free.release()


#: Half of the process's threads, so that the others can do something else.
_places = Places(max(1, int(getattr(settings, "WEB_THREADS", 8)) // 2))


def find(asked: Asked, tree: Node, user: Any, *, degraded: bool) -> Found:
    """Answer a search whose tree is resolved.

    Raises QueryError for what only the engine can do, SearchBusy, and SearchTooBroad.
    """
    wanted = as_q(tree)
    with _places.one(), acting_as(user):
        fitting = jobs_of(asked, user).filter(wanted)
        with _limited(), connection.cursor() as cursor:
            cursor.execute(_MOMENT)
            (as_of,) = cursor.fetchone()
            page = page_of(asked, _rows(fitting, asked, tree))
            counted, total = _counted(fitting, asked, page.jobs, whole=asked.after is None and page.after is None)
    shown = page.highlights(tree) if asked.highlights else {}
    return Found(page.jobs, Source.POSTGRESQL, degraded, as_of, total, counted, shown, page.after, page.before)


@contextmanager
def _limited() -> Iterator[None]:
    try:
        with statement_limit(SECONDS):
            yield
    except StatementStopped as exc:
        raise SearchTooBroad from exc


def _rows(fitting: JobQuerySet, asked: Asked, tree: Node) -> list[Job]:
    """Read one row more than is wanted, to know whether there are more."""
    rows = rows_of(fitting, asked, tree)
    jobs = rows if asked.after is None else asked.sort.behind(rows, asked.after)
    return list(asked.sort.ordered(jobs, asked.backwards)[: asked.limit + 1])


def _counted(fitting: JobQuerySet, asked: Asked, page: list[Job], *, whole: bool) -> tuple[dict[str, Facet], Total]:
    if asked.facets:
        return facets.count(fitting, asked.facets)
    if whole:
        return {}, Total(len(page), True)
    try:
        with statement_limit(SECONDS_TO_COUNT):
            number = fitting.order_by()[: MOST_COUNTED + 1].count()
    except StatementStopped:
        return {}, Total(len(page), False)
    return {}, Total(min(number, MOST_COUNTED), number <= MOST_COUNTED)
