from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from psycopg.errors import QueryCanceled
from rest_framework import status
from rest_framework.exceptions import APIException

LIST_SECONDS: Final = 5.0

_LIMIT: Final = "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)"


class TooBroad(APIException):
    """The filters left too much to look at, so the database was stopped."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = (
        "The search looked at too many rows and was stopped. "
        "Give a time window with created_after and created_before, or a narrower filter."
    )
    default_code = "query-too-broad"


@contextmanager
def time_limit(seconds: float | None = None, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Let each query inside run no longer than this; raises TooBroad."""
    limit = LIST_SECONDS if seconds is None else seconds
    connection = connections[using]
    nested = connection.in_atomic_block
    try:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute(_LIMIT, [str(int(limit * 1000))])
            (before, _) = cursor.fetchone()
            yield
            # A savepoint that is released keeps its settings.
            if nested and not connection.needs_rollback:
                cursor.execute(_LIMIT, [before])
    except OperationalError as exc:
        if isinstance(exc.__cause__, QueryCanceled):
            raise TooBroad from exc
        raise
