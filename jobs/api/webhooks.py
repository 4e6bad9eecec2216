"""Webhook endpoints as clients see them: make, change, test, rotate the secret, delete."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.etags import etag, expected_version
from accounts.api.idempotency import idempotent
from accounts.api.views import GenericViewSet
from accounts.roles import STAFF
from jobs.api import described
from jobs.api.access import ON_JOBS
from jobs.api.parameters import StrictFilterBackend
from jobs.api.reasons import ReasonSerializer, reason_of
from jobs.api.webhook_endpoint import (
    NewWebhookEndpointSerializer,
    ResendFailedSerializer,
    ResentSerializer,
    RotateSecretSerializer,
    SecretEndpointSerializer,
    WebhookDeliverySerializer,
    WebhookEndpointChangeSerializer,
    WebhookEndpointSerializer,
)
from jobs.models import WebhookEndpoint
from jobs.models.webhook_endpoint import WebhookEndpointQuerySet
from jobs.webhooks import endpoints, resending

_YES_NO = [("true", "true"), ("false", "false")]


def visible_endpoints(user: Any) -> WebhookEndpointQuerySet:
    """Give the endpoints that the user may know of."""
    found = WebhookEndpoint.objects.all()
    return found if user.role in STAFF else found.owned_by(user)


class EndpointFilters(FilterSet):
    active = ChoiceFilter(choices=_YES_NO, method="filter_active")
    failing = ChoiceFilter(choices=_YES_NO, method="filter_failing", help_text="Whether the last attempt failed.")

    class Meta:
        model = WebhookEndpoint
        fields: ClassVar[list[str]] = []

    def filter_active(self, found: QuerySet[Any], name: str, active: str) -> QuerySet[Any]:
        return found.filter(is_active=active == "true")

    def filter_failing(self, found: QuerySet[Any], name: str, failing: str) -> QuerySet[Any]:
        return found.filter(failing_since__isnull=failing != "true")


@extend_schema(tags=["webhooks"])
class WebhookEndpointViewSet(GenericViewSet[WebhookEndpoint]):
    """Endpoints of the caller; for staff, of everyone."""

    queryset = WebhookEndpoint.objects.none()
    permission_classes = ON_JOBS
    serializer_class = WebhookEndpointSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = EndpointFilters

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        return visible_endpoints(self.request.user).select_related("user")

    @extend_schema(operation_id="webhook_endpoints_list", responses={200: WebhookEndpointSerializer(many=True)})
    def list(self, request: Request) -> Response:
        """List endpoints, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(WebhookEndpointSerializer(page, many=True).data)

    @extend_schema(
        operation_id="webhook_endpoints_create",
        request=NewWebhookEndpointSerializer,
        responses={
            201: OpenApiResponse(SecretEndpointSerializer, "Made. The secret is in this answer and in no other."),
            **described.CONFLICT,
        },
    )
    def create(self, request: Request) -> Response:
        """Make an endpoint; it is told of what happens some seconds from now on."""
        body = NewWebhookEndpointSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        made = endpoints.create(request.user, **body.validated_data)
        location = reverse("webhook-endpoint", [made.pk], request=request)
        headers = {"ETag": etag(made.version), "Location": location}
        return Response(SecretEndpointSerializer(made).data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(operation_id="webhook_endpoints_retrieve", responses=WebhookEndpointSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Look at an endpoint."""
        return self._answer(self._visible(pk))

    @extend_schema(
        operation_id="webhook_endpoints_partial_update",
        request=WebhookEndpointChangeSerializer,
        parameters=[described.IF_MATCH],
        responses=WebhookEndpointSerializer,
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change an endpoint, disable or enable it. What waited while it was disabled is sent then."""
        version = expected_version(request)
        self._visible(pk)
        body = WebhookEndpointChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        endpoints.change(pk, request.user, expected_version=version, **body.validated_data)
        return self._answer(self._visible(pk))

    @extend_schema(
        operation_id="webhook_endpoints_destroy",
        parameters=[described.IF_MATCH],
        responses={204: OpenApiResponse(description="Deleted, with its deliveries.")},
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete an endpoint with all that is kept of its deliveries."""
        version = expected_version(request)
        self._visible(pk)
        endpoints.delete(pk, request.user, expected_version=version)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="webhook_endpoints_rotate_secret",
        request=RotateSecretSerializer,
        responses={200: OpenApiResponse(SecretEndpointSerializer, "The new secret is in this answer and in no other.")},
    )
    def rotate_secret(self, request: Request, pk: UUID) -> Response:
        """Give it a new secret; the one before is good beside it for a while."""
        self._visible(pk)
        body = RotateSecretSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint = endpoints.rotate_secret(pk, request.user, **body.validated_data)
        return Response(SecretEndpointSerializer(endpoint).data, headers={"ETag": etag(endpoint.version)})

    @extend_schema(
        operation_id="webhook_endpoints_test",
        request=ReasonSerializer,
        responses={202: OpenApiResponse(WebhookDeliverySerializer, "On its way. `Location` is where it is found.")},
    )
    @idempotent
    def test(self, request: Request, pk: UUID) -> Response:
        """Send it an event of the type `webhook.test`, to see whether it hears."""
        self._visible(pk)
        delivery = endpoints.send_test(pk, request.user, reason_of(request))
        location = reverse("webhook-delivery", [pk, delivery.pk], request=request)
        return Response(
            WebhookDeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED, headers={"Location": location}
        )

    @extend_schema(
        operation_id="webhook_endpoints_resend",
        request=ResendFailedSerializer,
        responses={202: ResentSerializer},
    )
    @idempotent
    def resend(self, request: Request, pk: UUID) -> Response:
        """Send those deliveries again that failed with events of a time, the oldest first, at most 1,000 of them."""
        self._visible(pk)
        body = ResendFailedSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        count = resending.resend_failed(pk, request.user, **body.validated_data)
        answer = {"resent": count, "more": count == resending.MOST_AT_ONCE}
        return Response(answer, status=status.HTTP_202_ACCEPTED)

    def _answer(self, endpoint: WebhookEndpoint) -> Response:
        return Response(WebhookEndpointSerializer(endpoint).data, headers={"ETag": etag(endpoint.version)})

    def _visible(self, pk: UUID) -> WebhookEndpoint:
        endpoint = self.get_queryset().filter(pk=pk).first()
        if endpoint is None:
            raise Http404
        return endpoint
