"""Dead letters on the operators' desk: look at them, take notes, redrive, discard, resolve."""

from collections.abc import Callable
from uuid import UUID

from django.core.validators import RegexValidator
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import AnyJson, JsonObject, Text
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import GenericViewSet
from jobs import dead_letters, options
from jobs.api import described, secrets
from jobs.api.access import ON_THE_DESK
from jobs.api.dead_letter import LARGE, DeadLetterSerializer, ListedDeadLetterSerializer
from jobs.api.dead_letter_filters import DeadLetterFilters
from jobs.api.parameters import StrictFilterBackend
from jobs.api.reasons import ReasonSerializer
from jobs.api.time_limit import time_limit
from jobs.api.triage import LetterChangesSerializer, change_letter
from jobs.models import DeadLetter


class RedriveSerializer(ReasonSerializer):
    payload = JsonObject(required=False, help_text="Instead of the payload that it died of.")
    queue = Text(
        required=False,
        validators=[RegexValidator(rf"^{options.QUEUE_NAME.pattern}\Z")],
        help_text="Instead of the queue that it died in.",
    )


class ResolveSerializer(ReasonSerializer):
    result = AnyJson(required=False, allow_null=True, help_text="What the job is to give as its result.")


@extend_schema(tags=["dead letters"])
class DeadLetterViewSet(GenericViewSet[DeadLetter]):
    """Jobs that gave up and wait for a person. For operators; viewers read."""

    queryset = DeadLetter.objects.select_related("resolved_by", "assignee", "user")
    permission_classes = ON_THE_DESK
    serializer_class = DeadLetterSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = DeadLetterFilters

    @extend_schema(
        operation_id="dead_letters_list", responses={200: ListedDeadLetterSerializer(many=True), **described.TOO_BROAD}
    )
    def list(self, request: Request) -> Response:
        """List dead letters, newest first."""
        with time_limit():
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset().defer(*LARGE)))
        return self.get_paginated_response(ListedDeadLetterSerializer(page, many=True).data)

    @extend_schema(operation_id="dead_letters_retrieve", parameters=[secrets.PARAMETER], responses=DeadLetterSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return self._answer(pk)

    @extend_schema(
        operation_id="dead_letters_partial_update", request=LetterChangesSerializer, responses=DeadLetterSerializer
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Triage or ignore it, assign it, link a ticket, replace its notes; the former ones stay in the audit log.

        What is given of it happens together or not at all. None of it moves the job.
        """
        return self._act(change_letter, pk, LetterChangesSerializer)

    @extend_schema(
        operation_id="dead_letters_redrive",
        request=RedriveSerializer,
        responses=DeadLetterSerializer,
    )
    @idempotent
    def redrive(self, request: Request, pk: UUID) -> Response:
        """Put the job back to pending with all its retries: as it is, with an edited payload, or to another queue.

        What becomes of it is told by `redrive_outcome` of the letter, which is `resolved` when the job then completes.
        """
        return self._act(dead_letters.redrive, pk, RedriveSerializer)

    @extend_schema(operation_id="dead_letters_discard", request=ReasonSerializer, responses=DeadLetterSerializer)
    @idempotent
    def discard(self, request: Request, pk: UUID) -> Response:
        """Give the job up: it becomes failed."""
        return self._act(dead_letters.discard, pk, ReasonSerializer)

    @extend_schema(operation_id="dead_letters_resolve", request=ResolveSerializer, responses=DeadLetterSerializer)
    @idempotent
    def resolve(self, request: Request, pk: UUID) -> Response:
        """Declare the work done by other means: the job becomes completed."""
        return self._act(dead_letters.resolve, pk, ResolveSerializer)

    def _act(self, act: Callable[..., DeadLetter], pk: UUID, body: type[StrictSerializer]) -> Response:
        self._letter(pk)
        how = body(data=self.request.data)
        how.is_valid(raise_exception=True)
        act(pk, self.request.user, **how.validated_data)
        return self._answer(pk)

    def _answer(self, pk: UUID) -> Response:
        letter = self._letter(pk)
        secrets.hide_or_show(self.request, letter, letter.job_type, ("payload", "redriven_payload"))
        return Response(DeadLetterSerializer(letter).data)

    def _letter(self, pk: UUID) -> DeadLetter:
        letter = self.get_queryset().filter(pk=pk).first()
        if letter is None:
            raise Http404
        return letter
