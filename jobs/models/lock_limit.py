from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from psycopg.errors import LockNotAvailable

_LIMIT: Final = "SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, true)"


class LockedByOthers(Exception):
    """Somebody else kept a lock for longer than the limit."""


@contextmanager
def lock_limit(seconds: float, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Let each query inside wait no longer than this for each lock; raises LockedByOthers.

    The block is a transaction, or a savepoint: it is taken back as a whole, and what is around it can go on.
    """
    connection = connections[using]
    try:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute(_LIMIT, [str(int(seconds * 1000))])
            (before, _) = cursor.fetchone()
            yield
            # A savepoint that is released keeps its settings.
            if not connection.needs_rollback:
                cursor.execute(_LIMIT, [before])
    except OperationalError as exc:
        if isinstance(exc.__cause__, LockNotAvailable):
            raise LockedByOthers from exc
        raise
