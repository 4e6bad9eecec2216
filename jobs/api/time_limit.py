from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled
from rest_framework import status
from rest_framework.exceptions import APIException

LIST_SECONDS: Final = 5.0


class TooBroad(APIException):
    """The filters left too much to look at, so the database was stopped."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = (
        "The search looked at too many rows and was stopped. "
        "Give a time window with created_after and created_before, or a narrower filter."
    )
    default_code = "query-too-broad"


@contextmanager
def time_limit(seconds: float | None = None) -> Iterator[None]:
    """Let each query inside run no longer than this; raises TooBroad."""
    limit = LIST_SECONDS if seconds is None else seconds
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(limit * 1000))])
            yield
    except OperationalError as exc:
        if isinstance(exc.__cause__, QueryCanceled):
            raise TooBroad from exc
        raise
