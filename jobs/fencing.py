"""Writes of a handler that are kept only while its job is its own: the same fence as around outcomes."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction

from jobs.exceptions import LockLost
from jobs.models import ProcessingLock
from jobs.outcomes import Attempt


@contextmanager
def fenced(attempt: Attempt) -> Iterator[None]:
    """Open a transaction that nobody can take the job away from; raises LockLost, having written nothing.

    Whoever renews or takes over the lock waits for its end, so it must be short: no network in it.
    """
    with transaction.atomic():
        held = ProcessingLock.objects.filter(pk=UUID(attempt.id), lock_token=attempt.lock_token)
        # As everywhere the token decides, never the clock.
        if attempt.fenced or not list(held.select_for_update().values_list("pk")):
            attempt.fenced = True
            raise LockLost
        yield
