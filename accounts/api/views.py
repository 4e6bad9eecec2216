"""What every view of the API is built on: its handler works in one transaction, on behalf of whoever asks."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import wraps
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.http.response import HttpResponseBase
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.views import APIView as PlainAPIView

from accounts.row_security import acting_as

Row = TypeVar("Row", bound=Model)


class APIView(PlainAPIView):
    """A view of the API.

    An error that leaves the handler takes back all that it did. What an answer reads lazily is read too late: the
    transaction is over when it is sent. A view that waits does so outside of its handler, as those of jobs do.
    """

    def databases(self) -> Sequence[str]:
        """Name the databases that the handler asks; in any other one it sees no rows that belong to somebody."""
        return (DEFAULT_DB_ALIAS,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # The key and the rate limit come before the transaction: the limit's row is locked until its end, and counts
        # refused requests too.
        super().initial(request, *args, **kwargs)
        name = str(request.method).lower()
        if handler := getattr(self, name, None):
            setattr(self, name, self._in_transaction(handler))

    def _in_transaction(self, handler: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(handler)
        def handle(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with ExitStack() as stack:
                for using in self.databases():
                    stack.enter_context(acting_as(request.user, using))
                return handler(request, *args, **kwargs)

        return handle


class ViewSet(viewsets.ViewSet, APIView):
    """A set of views on something that is no table."""


class GenericViewSet(viewsets.GenericViewSet[Row], APIView):
    """A set of views on one kind of row."""
