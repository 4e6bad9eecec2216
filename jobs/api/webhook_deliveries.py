"""Deliveries of webhooks as clients see them: list, look at, send again."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import idempotent
from accounts.api.views import GenericViewSet
from jobs.api import described
from jobs.api.access import ON_JOBS
from jobs.api.parameters import StrictFilterBackend
from jobs.api.reasons import ReasonSerializer, reason_of
from jobs.api.time_limit import time_limit
from jobs.api.webhook_endpoint import EVENTS, STATES, ListedWebhookDeliverySerializer, WebhookDeliverySerializer
from jobs.api.webhooks import visible_endpoints
from jobs.models import WebhookDelivery
from jobs.webhooks import resending
from jobs.webhooks.event_types import TEST


class DeliveryFilters(FilterSet):
    state = ChoiceFilter(choices=STATES)
    event = ChoiceFilter(choices=[*EVENTS, (TEST, TEST)])

    class Meta:
        model = WebhookDelivery
        fields: ClassVar[list[str]] = []


@extend_schema(tags=["webhooks"])
class WebhookDeliveryViewSet(GenericViewSet[WebhookDelivery]):
    """What was, or is to be, sent to an endpoint."""

    queryset = WebhookDelivery.objects.none()
    permission_classes = ON_JOBS
    serializer_class = WebhookDeliverySerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = DeliveryFilters

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        endpoint: UUID = self.kwargs["pk"]
        if not visible_endpoints(self.request.user).filter(pk=endpoint).exists():
            raise Http404
        return WebhookDelivery.objects.filter(endpoint=endpoint)

    @extend_schema(
        operation_id="webhook_deliveries_list",
        responses={200: ListedWebhookDeliverySerializer(many=True), **described.TOO_BROAD},
    )
    def list(self, request: Request, pk: UUID) -> Response:
        """List an endpoint's deliveries, newest first, without their attempts."""
        with time_limit():
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset().defer("attempts")))
        return self.get_paginated_response(ListedWebhookDeliverySerializer(page, many=True).data)

    @extend_schema(operation_id="webhook_deliveries_retrieve", responses=WebhookDeliverySerializer)
    def retrieve(self, request: Request, pk: UUID, delivery_id: UUID) -> Response:
        """Look at a delivery and its attempts."""
        return Response(WebhookDeliverySerializer(self._found(delivery_id)).data)

    @extend_schema(
        operation_id="webhook_deliveries_resend",
        request=ReasonSerializer,
        responses={202: OpenApiResponse(WebhookDeliverySerializer, "On its way again.")},
    )
    @idempotent
    def resend(self, request: Request, pk: UUID, delivery_id: UUID) -> Response:
        """Send it again, whatever became of it; one that waits for its next attempt is tried at once."""
        self._found(delivery_id)
        delivery = resending.resend(delivery_id, request.user, reason_of(request))
        return Response(WebhookDeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)

    def _found(self, delivery_id: UUID) -> Any:
        delivery = self.get_queryset().filter(pk=delivery_id).first()
        if delivery is None:
            raise Http404
        return delivery
