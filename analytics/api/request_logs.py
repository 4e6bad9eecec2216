"""The request log, row by row: users see their own requests, staff everyone's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.db import router
from django.db.models import Q, QuerySet
from django.http import Http404
from django_filters import FilterSet, MultipleChoiceFilter
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import AnyJson, JsonObject
from accounts.api.views import GenericViewSet
from accounts.models import User
from accounts.roles import STAFF
from analytics.models import ErrorLog, RequestLog
from analytics.rows import time_of
from jobs.api import described
from jobs.api.parameters import MomentFilter, SeveralWords, StrictFilterBackend, WordFilter, before, since
from jobs.api.time_limit import time_limit

#: Left out of lists.
LARGE: Final = ("request_headers", "request_payload", "response_payload", "error_details", "runtime_metrics")
CLASSES: Final = [("2xx", "Answered, or accepted"), ("4xx", "Refused, or cancelled"), ("5xx", "Failed")]
#: A job retries at most a hundred times, and people may redrive it.
MOST_ERRORS: Final = 200


class ListedRequestLogSerializer(serializers.ModelSerializer[RequestLog]):
    """A request, without its headers and payloads."""

    class Meta:
        model = RequestLog
        fields: ClassVar[tuple[str, ...]] = (
            *("id", "request_id", "language_title", "timestamp", "client_ip", "user_id"),
            *("status_code", "duration_ms", "cached"),
        )
        read_only_fields = fields


class ErrorLogSerializer(serializers.ModelSerializer[ErrorLog]):
    """A failed attempt. Stack traces, and where it ran, are for staff."""

    context = JsonObject(read_only=True, allow_null=True)  # type: ignore[assignment]

    class Meta:
        model = ErrorLog
        fields: ClassVar[tuple[str, ...]] = (
            *("id", "timestamp", "error_code", "error_message", "stack_trace", "context"),
        )
        read_only_fields = fields


class RequestLogSerializer(ListedRequestLogSerializer):
    """A request with all that is known of it. Its id is that of the job that it made, if it made one."""

    request_headers = JsonObject(read_only=True, allow_null=True)
    request_payload = AnyJson(read_only=True)
    response_payload = AnyJson(read_only=True)
    error_details = JsonObject(read_only=True, allow_null=True)
    runtime_metrics = JsonObject(read_only=True, allow_null=True)
    errors = serializers.SerializerMethodField()  # type: ignore[assignment]

    class Meta(ListedRequestLogSerializer.Meta):
        fields = (*ListedRequestLogSerializer.Meta.fields, *LARGE, "errors")
        read_only_fields = fields

    @extend_schema_field(ErrorLogSerializer(many=True))
    def get_errors(self, row: RequestLog) -> Any:
        errors = ErrorLog.objects.filter(request_log_id=row.pk, request_timestamp=row.timestamp).order_by("id")
        told = ErrorLogSerializer(errors[:MOST_ERRORS], many=True).data
        return told if self.context.get("staff") else [_for_users(error) for error in told]


class RequestLogFilters(FilterSet):
    """Every filter is an equality or a range; those beyond the indexes are bounded by the list's time limit."""

    language_title = WordFilter(field_name="language_title", help_text="Of one function.")
    request_id = WordFilter(field_name="request_id", help_text="The request's `X-Request-ID`.")
    status = MultipleChoiceFilter(
        choices=CLASSES, widget=SeveralWords, method="filter_status", help_text="One or several classes."
    )
    created_after = MomentFilter(field_name="timestamp", method=since, help_text="Inclusive.")
    created_before = MomentFilter(field_name="timestamp", method=before, help_text="Exclusive.")

    class Meta:
        model = RequestLog
        fields: ClassVar[list[str]] = []

    def filter_status(self, queryset: QuerySet[RequestLog], name: str, classes: list[str]) -> QuerySet[RequestLog]:
        wanted = Q()
        for name in classes:
            least = int(name[0]) * 100
            wanted |= Q(status_code__gte=least, status_code__lt=least + 100)
        return queryset.filter(wanted)


@extend_schema(tags=["request logs"])
class RequestLogViewSet(GenericViewSet[RequestLog]):
    """What was asked for, and how it ended."""

    queryset = RequestLog.objects.none()
    serializer_class = RequestLogSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = RequestLogFilters

    def databases(self) -> Sequence[str]:
        return (router.db_for_read(RequestLog),)

    def get_queryset(self) -> QuerySet[RequestLog]:
        user = cast(User, self.request.user)
        rows = RequestLog.objects.all()
        return rows if user.role in STAFF else rows.filter(user_id=user.user_id)

    @extend_schema(
        operation_id="request_logs_list",
        responses={200: ListedRequestLogSerializer(many=True), **described.TOO_BROAD},
    )
    def list(self, request: Request) -> Response:
        """List requests, newest first: invokes, executions and submitted jobs."""
        with time_limit(using=router.db_for_read(RequestLog)):
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset().defer(*LARGE)))
        return self.get_paginated_response(ListedRequestLogSerializer(page, many=True).data)

    @extend_schema(operation_id="request_logs_retrieve", responses=RequestLogSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Look at a request, with the errors of its attempts. Of work that goes on, the status is 201 or 202."""
        row = self.get_queryset().filter(pk=pk, timestamp=_time(pk)).first()
        if row is None:
            raise Http404
        staff = cast(User, request.user).role in STAFF
        return Response(RequestLogSerializer(row, context={"staff": staff}).data)


def _for_users(error: dict[str, Any]) -> dict[str, Any]:
    """Leave out what speaks of our insides, as jobs do."""
    context = {name: said for name, said in (error["context"] or {}).items() if name in ("attempt", "kind")}
    return {**error, "stack_trace": "", "context": context}


def _time(pk: UUID) -> Any:
    """Give the row's time, by which the database finds its partition; an id of no possible time is nobody's."""
    try:
        return time_of(pk)
    except (ValueError, OverflowError, OSError) as impossible:
        raise Http404 from impossible
