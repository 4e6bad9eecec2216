from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from rest_framework import status
from rest_framework.exceptions import APIException

from jobs.models.statement_limit import StatementStopped, statement_limit

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
def time_limit(seconds: float | None = None, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Let each query inside run no longer than this; raises TooBroad."""
    try:
        with statement_limit(LIST_SECONDS if seconds is None else seconds, using):
            yield
    except StatementStopped as exc:
        raise TooBroad from exc
