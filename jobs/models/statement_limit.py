from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from psycopg.errors import QueryCanceled

_LIMIT: Final = "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)"


class StatementStopped(Exception):
    """A query ran into its limit, and the database was stopped."""


@contextmanager
def statement_limit(seconds: float, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Let each query inside run no longer than this; raises StatementStopped.

    The block is a transaction, or a savepoint: after a query that was stopped, what is around it can go on.
    """
    connection = connections[using]
    nested = connection.in_atomic_block
    try:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute(_LIMIT, [str(int(seconds * 1000))])
            (before, _) = cursor.fetchone()
            yield
            # A savepoint that is released keeps its settings.
            if nested and not connection.needs_rollback:
                cursor.execute(_LIMIT, [before])
    except OperationalError as exc:
        if isinstance(exc.__cause__, QueryCanceled):
            raise StatementStopped from exc
        raise
