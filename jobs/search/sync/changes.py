"""Making documents of jobs, a few at a time: one that cannot be made is told, and holds up no other."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final
from uuid import UUID

from jobs.models import Job
from jobs.search.documents import document, documentable
from jobs.search.sync.sending import Change

_logger = logging.getLogger(__name__)

#: Rows that are in memory at a time: metadata may be long.
AT_ONCE: Final = 100


def changes(jobs: Iterable[Job]) -> Iterator[Change]:
    """Give what the engine is to hold of these jobs, which were read by `documentable`."""
    for job in jobs:
        try:
            yield Change(job.pk, job.version, document(job))
        except Exception as error:
            # Whatever it is about this job, the others are to be sent.
            _logger.exception("job %s cannot be made a document", job.pk)
            yield Change(job.pk, job.version, None, unfit=f"{type(error).__name__}: {error}")


def changes_of(
    ids: Sequence[UUID], asking: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Iterator[Change]:
    """Read these jobs as they are now, and give what the engine is to hold; those that are gone are left out.

    `asking` is a context that the database is asked in.
    """
    for start in range(0, len(ids), AT_ONCE):
        with asking():
            jobs = list(documentable(Job.objects.filter(pk__in=ids[start : start + AT_ONCE]).order_by()))
        yield from changes(jobs)
