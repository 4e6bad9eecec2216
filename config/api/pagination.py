"""Pages by key: each begins after the last row of the one before, however many rows come and go in between.

The framework's CursorPagination compares only the first sort field and loses rows when many share one value; and it
answers an edited cursor with a 500.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.core import signing
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Model, QuerySet
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
SALT: Final = "config.api.pagination"


class BadCursor(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "The cursor was changed, or belongs to another list or other filters."
    default_code = "bad-cursor"


@dataclass(frozen=True, slots=True)
class Cursor:
    key: str
    #: Whether it leads to the rows before the key instead of after.
    backwards: bool

    def sign(self, binding: str) -> str:
        return signing.dumps([self.key, int(self.backwards), binding], salt=SALT)

    @classmethod
    def read(cls, text: str, binding: str) -> Cursor:
        try:
            key, backwards, bound_to = signing.loads(text, salt=SALT)
        except (signing.BadSignature, ValueError, TypeError) as exc:
            raise BadCursor from exc
        if bound_to != binding:
            raise BadCursor
        return cls(str(key), bool(backwards))


class KeysetPagination(BasePagination):
    """Answer `{"data": […], "page": {"next": …, "prev": …}}`, newest first; rows are never counted.

    A view may set `page_order` to another unique, indexed field, with `-` in front for descending order.
    """

    page: list[Any]
    order: str
    limit: int

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.request = request
        self.order = getattr(view, "page_order", "-id")
        self.limit = _limit(request)
        self.binding = _binding(request, self.order)
        text = request.query_params.get("cursor", "")
        cursor = Cursor.read(text, self.binding) if text else None
        backwards = cursor is not None and cursor.backwards
        rows = self._rows(queryset, cursor)
        more = len(rows) > self.limit
        self.page = rows[: self.limit][:: -1 if backwards else 1]
        self.has_next = backwards or more
        self.has_prev = more if backwards else cursor is not None
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        page = {"next": self._cursor(-1, False, self.has_next), "prev": self._cursor(0, True, self.has_prev)}
        links = [f'<{self._url(cursor)}>; rel="{rel}"' for rel, cursor in page.items() if cursor]
        return Response({"data": data, "page": page}, headers={"Link": ", ".join(links)} if links else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": ["string", "null"], "description": "The value of `cursor` for that page."}
        page = {"type": "object", "required": ["next", "prev"], "properties": {"next": cursor, "prev": cursor}}
        properties = {"data": schema, "page": page}
        return {"type": "object", "required": ["data", "page"], "properties": properties}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        number = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        return [
            {"name": "limit", "in": "query", "required": False, "description": "Rows per page.", "schema": number},
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "`page.next` or `page.prev` of an earlier answer to the same filters.",
                "schema": {"type": "string"},
            },
        ]

    def _rows(self, queryset: QuerySet[Any], cursor: Cursor | None) -> list[Any]:
        field = self.order.removeprefix("-")
        backwards = cursor is not None and cursor.backwards
        descending = self.order.startswith("-") != backwards
        if cursor is not None:
            try:
                queryset = queryset.filter(**{f"{field}__{'lt' if descending else 'gt'}": cursor.key})
            except (ValueError, TypeError, DjangoValidationError) as exc:
                raise BadCursor from exc
        return list(queryset.order_by(f"-{field}" if descending else field)[: self.limit + 1])

    def _cursor(self, index: int, backwards: bool, exists: bool) -> str | None:
        if not exists or not self.page:
            return None
        row: Model | dict[str, Any] = self.page[index]
        field = self.order.removeprefix("-")
        key = row[field] if isinstance(row, dict) else getattr(row, field)
        return Cursor(str(key), backwards).sign(self.binding)

    def _url(self, cursor: str) -> str:
        parameters = self.request.query_params.copy()
        parameters["cursor"] = cursor
        return f"{self.request.build_absolute_uri(self.request.path)}?{parameters.urlencode()}"


def _limit(request: Request) -> int:
    text = request.query_params.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
        raise ValidationError({"limit": [f"Must be a whole number from 1 to {MAX_LIMIT}."]})
    return int(text)


def _binding(request: Request, order: str) -> str:
    """Name what a cursor belongs to: the list, its order and its filters. The page size may change."""
    filters = sorted((name, value) for name, value in _pairs(request) if name not in ("cursor", "limit"))
    return hashlib.sha256(f"{request.path}\n{order}\n{urlencode(filters)}".encode()).hexdigest()[:16]


def _pairs(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, values in request.query_params.lists() for value in values]
