"""Sessions as clients see them: open, execute, look at, list, extend, close."""

from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.fields import JsonObject, Moment, Number, Text
from accounts.api.idempotency import PARAMETER, idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import GenericViewSet
from accounts.models import User
from accounts.roles import STAFF
from jobs import conf, sessions
from jobs.api import described, secrets
from jobs.api.access import ON_JOBS
from jobs.api.calls import UNKNOWN, Call, as_sent, note_call, request_id_of
from jobs.api.invoke import InvokedSerializer, accepted
from jobs.api.parameters import StrictFilterBackend, WordFilter, refuse_unread
from jobs.api.time_limit import time_limit
from jobs.api.waiting import ask_to_wait_for
from jobs.models import Session
from jobs.models.session import SessionQuerySet

#: A list leaves these out.
LARGE: Final = ("context", "metadata")


class LivingSerializer(StrictSerializer):
    """A body that may say how long a session lives."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Made here, because a setting is the most that it may be.
        longest = conf.session_max_ttl()
        ttl = Number(required=False, min_value=1, max_value=longest, help_text="Seconds that it lives from now on.")
        return {**super().get_fields(), "ttl": ttl}


class NewSessionSerializer(LivingSerializer):
    """A session to open. The function need not get all of its parameters here: the others come with each execution."""

    language_title = Text(min_length=1, max_length=128, help_text="The function, such as `python-summarize`.")
    # The framework has an attribute of this name, which its fields do not disturb.
    context = JsonObject(  # type: ignore[assignment]
        required=False, default=dict, help_text="Parameters that all executions have in common."
    )
    metadata = JsonObject(required=False, default=dict, help_text="What you want to keep beside it; at most 64 KiB.")


class ParamsSerializer(StrictSerializer):
    params = JsonObject(required=False, default=dict, help_text="They take precedence over the context.")


class SessionChangeSerializer(LivingSerializer):
    """Another end for the session: one of the two."""

    schema_rules: ClassVar = {"minProperties": 1, "maxProperties": 1}

    expires_at = Moment(required=False, help_text="Ahead, by no more than the longest ttl.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Give either ttl or expires_at.", "one-of")
        return attrs


class SessionSerializer(serializers.ModelSerializer[Session]):
    status = serializers.ChoiceField(source="condition", choices=Session.Status.choices, read_only=True)
    user_id = serializers.CharField(read_only=True, allow_null=True)
    context = JsonObject(read_only=True, allow_null=True)  # type: ignore[assignment]
    metadata = JsonObject(read_only=True, allow_null=True)

    class Meta:
        model = Session
        fields: tuple[str, ...] = (
            *("request_id", "language_title", "status", "user_id", "created_at", "expires_at"),
            *("last_executed_at", "execution_count", "context", "metadata"),
        )
        read_only_fields: tuple[str, ...] = fields


class ListedSessionSerializer(SessionSerializer):
    class Meta(SessionSerializer.Meta):
        fields = tuple(name for name in SessionSerializer.Meta.fields if name not in LARGE)
        read_only_fields = fields


class SessionFilters(FilterSet):
    status = ChoiceFilter(choices=Session.Status.choices, method="filter_status")
    language_title = WordFilter()

    class Meta:
        model = Session
        fields: ClassVar[list[str]] = []

    def filter_status(self, queryset: SessionQuerySet, name: str, status: str) -> SessionQuerySet:
        return queryset.in_condition(status)


@extend_schema(tags=["sessions"])
class SessionViewSet(GenericViewSet[Session]):
    """Function calls in two phases, of the caller; for staff, of everyone."""

    queryset = Session.objects.none()
    permission_classes = ON_JOBS
    serializer_class = SessionSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = SessionFilters
    page_order = "-request_id"

    def get_queryset(self) -> QuerySet[Session]:
        user = cast(User, self.request.user)
        found = Session.objects.with_condition()
        return found if user.role in STAFF else found.owned_by(user)

    @extend_schema(
        operation_id="sessions_list", responses={200: ListedSessionSerializer(many=True), **described.TOO_BROAD}
    )
    def list(self, request: Request) -> Response:
        """List sessions, newest first, without their context and metadata."""
        with time_limit():
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset().defer(*LARGE)))
        return self.get_paginated_response(ListedSessionSerializer(page, many=True).data)

    @extend_schema(
        operation_id="sessions_create",
        request=NewSessionSerializer,
        responses={
            201: OpenApiResponse(SessionSerializer, "Opened. `Location` is where the session is found."),
            **described.NO_FUNCTION,
        },
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Open a session of a function."""
        body = NewSessionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        session = sessions.open_session(request.user, sessions.NewSession(**body.validated_data))
        location = reverse("session", [session.pk], request=request)
        return Response(SessionSerializer(session).data, status=status.HTTP_201_CREATED, headers={"Location": location})

    @extend_schema(operation_id="sessions_retrieve", parameters=[secrets.PARAMETER], responses=SessionSerializer)
    def retrieve(self, request: Request, request_id: str) -> Response:
        """Look at a session."""
        return self._answer(self._visible(request_id))

    @extend_schema(
        operation_id="sessions_execute",
        request=ParamsSerializer,
        parameters=[*described.WAITING, PARAMETER],
        responses={
            200: OpenApiResponse(InvokedSerializer, "It has completed."),
            202: OpenApiResponse(InvokedSerializer, "Not yet. `Location` is where the job is found."),
            **described.SESSION_EXPIRED,
            **described.FUNCTION_FAILED,
        },
    )
    def execute(self, request: Request, request_id: str) -> Response:
        """Run the function with the session's context and these parameters.

        202 with its job, or with `wait` its result, if it comes within so many seconds. Only the owner may.
        """
        refuse_unread(request, {"wait"})
        response = self._execute(request, request_id)
        # Also where the answer is an earlier one's, replayed.
        ask_to_wait_for(request, UUID(response.data["job_id"]))
        return response

    @idempotent
    def _execute(self, request: Request, request_id: str) -> Response:
        noted = as_sent(request.data, "params")
        note_call(request, Call(UNKNOWN, noted))
        session = self._visible(request_id)
        note_call(request, Call(session.language_title, noted))
        body = ParamsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        submitted = sessions.execute(session, request.user, body.validated_data["params"], request_id_of(request))
        note_call(request, Call(session.language_title, noted, submitted.id))
        return accepted(request, submitted.id)

    @extend_schema(
        operation_id="sessions_partial_update",
        request=SessionChangeSerializer,
        responses={200: SessionSerializer, **described.SESSION_EXPIRED},
    )
    def partial_update(self, request: Request, request_id: str) -> Response:
        """Move the session's end."""
        session = self._visible(request_id)
        body = SessionChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self._answer(sessions.extend(session, **body.validated_data))

    @extend_schema(operation_id="sessions_destroy", responses={204: OpenApiResponse(description="It has ended.")})
    def destroy(self, request: Request, request_id: str) -> Response:
        """Close the session. One that has ended stays as it is."""
        sessions.close(self._visible(request_id).pk, request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _answer(self, session: Session) -> Response:
        if session.user_id != cast(User, self.request.user).user_id:
            secrets.hide_or_show(self.request, session, session.language_title, ("context",))
        return Response(SessionSerializer(session).data)

    def _visible(self, request_id: str) -> Session:
        session = self.get_queryset().filter(pk=request_id).first()
        if session is None:
            raise Http404
        return session
