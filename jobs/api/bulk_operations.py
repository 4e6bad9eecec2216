"""Bulk operations: begin one, watch it, pace it, stop it, look at what it could not do."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django_filters import ChoiceFilter, FilterSet, MultipleChoiceFilter
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.idempotency import idempotent
from accounts.api.views import GenericViewSet
from jobs.api import described
from jobs.api.access import ON_THE_DESK
from jobs.api.bulk_operation import (
    BulkItemSerializer,
    BulkLookSerializer,
    BulkOperationSerializer,
    ListedBulkOperationSerializer,
)
from jobs.api.bulk_wish import BulkWishSerializer, RateSerializer
from jobs.api.events import AcceptAnything
from jobs.api.parameters import SeveralWords, StrictFilterBackend
from jobs.api.reasons import ReasonSerializer, reason_of
from jobs.bulk import ending, pacing, pausing, repeating
from jobs.bulk.acts import TARGETS
from jobs.bulk.beginning import begin
from jobs.bulk.downloading import download
from jobs.bulk.looking import preview
from jobs.models import BulkItem, BulkOperation
from jobs.statuses import BulkState


class BulkOperationFilters(FilterSet):
    state = MultipleChoiceFilter(choices=BulkState.choices, widget=SeveralWords, help_text="One or several.")
    target = ChoiceFilter(choices=[(target, target) for target in TARGETS])

    class Meta:
        model = BulkOperation
        fields: ClassVar[list[str]] = []


class BulkItemFilters(FilterSet):
    outcome = ChoiceFilter(choices=[("skipped", "skipped"), ("failed", "failed")])

    class Meta:
        model = BulkItem
        fields: ClassVar[list[str]] = []


@extend_schema(tags=["bulk operations"])
class BulkOperationViewSet(GenericViewSet[BulkOperation]):
    """Acts on many rows. For operators; viewers read."""

    queryset = BulkOperation.objects.all()
    permission_classes = ON_THE_DESK
    serializer_class = BulkOperationSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = BulkOperationFilters

    @extend_schema(operation_id="bulk_operations_list", responses=ListedBulkOperationSerializer(many=True))
    def list(self, request: Request) -> Response:
        """List bulk operations, newest first."""
        rows: QuerySet[BulkOperation] = self.get_queryset().defer("selector", "put_off")
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(ListedBulkOperationSerializer(page, many=True).data)

    @extend_schema(
        operation_id="bulk_operations_create",
        request=BulkWishSerializer,
        responses={
            202: OpenApiResponse(BulkOperationSerializer, "Begun. `Location` is where to watch it."),
            200: OpenApiResponse(BulkLookSerializer, "With `dry_run`: what it would act on."),
            **described.TOO_BROAD,
        },
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Begin an act on all the rows of a selection, or only look at them.

        What is made later is not touched, whatever the selection says. A worker does the rest, in the queue `bulk`.
        """
        body = BulkWishSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wish = body.wish()
        if body.validated_data["dry_run"]:
            found = preview(wish, request.user)
            looked = {"matched": found.matched, "matched_capped": found.capped, "samples": found.samples}
            return Response(BulkLookSerializer({"dry_run": True, **looked}).data)
        operation = begin(wish, request.user)
        response = Response(BulkOperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)
        response["Location"] = reverse("bulk-operation", [operation.pk], request=request)
        return response

    @extend_schema(operation_id="bulk_operations_retrieve", responses=BulkOperationSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Look at an operation, and at what became of the jobs that it put back to work."""
        return self._answer(pk)

    @extend_schema(
        operation_id="bulk_operations_partial_update",
        request=RateSerializer,
        responses={200: BulkOperationSerializer, **described.CONFLICT},
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change how fast it goes, from its next rows on."""
        self._seen(pk)
        pacing.change_rate(pk, request.user, RateSerializer.checked(request.data)["rate_per_second"])
        return self._answer(pk)

    @extend_schema(
        operation_id="bulk_operations_cancel",
        request=ReasonSerializer,
        responses={200: BulkOperationSerializer, **described.CONFLICT},
    )
    @idempotent
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop it before its next rows. What it has done stays done."""
        return self._act(ending.cancel, pk)

    @extend_schema(
        operation_id="bulk_operations_pause",
        request=ReasonSerializer,
        responses={200: BulkOperationSerializer, **described.CONFLICT},
    )
    @idempotent
    def pause(self, request: Request, pk: UUID) -> Response:
        """Keep it from going on until somebody lets it proceed."""
        return self._act(pausing.pause, pk)

    @extend_schema(
        operation_id="bulk_operations_proceed",
        request=ReasonSerializer,
        responses={200: BulkOperationSerializer, **described.CONFLICT},
    )
    @idempotent
    def proceed(self, request: Request, pk: UUID) -> Response:
        """Let it go on: behind its canary, after a pause, or when its job was lost."""
        return self._act(pausing.proceed, pk)

    @extend_schema(
        operation_id="bulk_operations_again",
        request=ReasonSerializer,
        responses={
            202: OpenApiResponse(BulkOperationSerializer, "Begun. `Location` is where to watch it."),
            **described.CONFLICT,
        },
    )
    @idempotent
    def again(self, request: Request, pk: UUID) -> Response:
        """Begin another operation on the rows that this one failed at."""
        self._seen(pk)
        operation = repeating.again(pk, request.user, reason_of(request))
        response = Response(BulkOperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)
        response["Location"] = reverse("bulk-operation", [operation.pk], request=request)
        return response

    def _act(self, act: Callable[..., Any], pk: UUID) -> Response:
        self._seen(pk)
        act(pk, self.request.user, reason=reason_of(self.request))
        return self._answer(pk)

    def _answer(self, pk: UUID) -> Response:
        return Response(BulkOperationSerializer(self._seen(pk)).data)

    def _seen(self, pk: UUID) -> BulkOperation:
        operation = self.get_queryset().filter(pk=pk).first()
        if operation is None:
            raise Http404
        return operation


@extend_schema(tags=["bulk operations"])
class BulkFailuresViewSet(GenericViewSet[BulkItem]):
    """Rows that an operation could not act on. The first 100,000 are kept; the others are counted."""

    queryset = BulkItem.objects.none()
    permission_classes = ON_THE_DESK
    serializer_class = BulkItemSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = BulkItemFilters

    @extend_schema(operation_id="bulk_operations_failures", responses=BulkItemSerializer(many=True))
    def list(self, request: Request, pk: UUID) -> Response:
        """List the rows that it skipped or failed at, with the reasons."""
        _refuse_unknown(pk)
        page = self.paginate_queryset(self.filter_queryset(BulkItem.objects.filter(operation_id=pk).order_by("-id")))
        return self.get_paginated_response(BulkItemSerializer(page, many=True).data)


@extend_schema(tags=["bulk operations"])
class BulkFailureFilesViewSet(GenericViewSet[BulkItem]):
    """The same as files."""

    queryset = BulkItem.objects.none()
    permission_classes = ON_THE_DESK
    content_negotiation_class = AcceptAnything
    filter_backends = ()
    pagination_class = None

    @extend_schema(operation_id="bulk_operations_failures_csv", responses={(200, "text/csv"): str})
    def as_csv(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Download them as a table."""
        _refuse_unknown(pk)
        return download(pk, request.user, "csv")

    @extend_schema(operation_id="bulk_operations_failures_ndjson", responses={(200, "application/x-ndjson"): str})
    def as_ndjson(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Download them as a JSON object on each line."""
        _refuse_unknown(pk)
        return download(pk, request.user, "ndjson")


def _refuse_unknown(pk: UUID) -> None:
    if not BulkOperation.objects.filter(pk=pk).exists():
        raise Http404
