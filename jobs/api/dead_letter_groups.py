"""Dead letters by what went wrong: a thousand letters are often one fault."""

from typing import Any, ClassVar, Final

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import APIView
from accounts.models import User
from jobs.api import described
from jobs.api.access import ON_THE_DESK
from jobs.api.dead_letter_group_filters import FILTERS, PARAMETERS, narrowed
from jobs.api.parameters import refuse_unread
from jobs.api.time_limit import time_limit
from jobs.api.triage import GroupChangesSerializer, change_group
from jobs.dead_letter_trends import Trend, trend
from jobs.models import DeadLetter, DeadLetterGroup, DeadLetterTrait

MOST: Final = 200
#: Letters of a group that are looked at for the names of users.
NEWEST: Final = 50
FINGERPRINT: Final = OpenApiParameter(
    "fingerprint", {"type": "string", "minLength": 1, "maxLength": 64}, OpenApiParameter.PATH
)


class TrendSerializer(serializers.Serializer[Trend]):
    """How many letters of the group came in."""

    hour = serializers.IntegerField(help_text="Since the full hour.")
    day = serializers.IntegerField(help_text="In the last 24 hours, this one among them.")
    week = serializers.IntegerField(help_text="In the last 168 hours.")
    since = serializers.DateTimeField(help_text="When the first of the hours began.")
    hours = serializers.ListField(
        child=serializers.IntegerField(), source="counts", help_text="Each hour of the last week, the oldest first."
    )


class DeadLetterGroupSerializer(serializers.ModelSerializer[DeadLetterGroup]):
    fingerprint = serializers.CharField(source="error_fingerprint", read_only=True)
    type = serializers.CharField(source="job_type", read_only=True)
    assignee = serializers.CharField(
        source="assignee.user_id", read_only=True, default=None, allow_null=True, help_text="Who looks after it."
    )
    trend = serializers.SerializerMethodField()

    class Meta:
        model = DeadLetterGroup
        fields: ClassVar[tuple[str, ...]] = (
            *("fingerprint", "type", "error_class", "error_message", "open_count", "total_count", "user_count"),
            *("first_seen_at", "last_seen_at", "status", "assignee", "note", "ticket", "muted_until", "muted_versions"),
            "trend",
        )
        read_only_fields = fields
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "open_count": {"help_text": "Letters that are open or triaged."},
            "user_count": {"help_text": "Users whose jobs died of it, counted up to 1,000."},
            "muted_versions": {"help_text": "Muted until a job dies of it under another version than these."},
        }

    @extend_schema_field(TrendSerializer)
    def get_trend(self, group: DeadLetterGroup) -> dict[str, Any]:
        return dict(TrendSerializer(self.context["trends"][group.pk]).data)


class TraitSerializer(serializers.ModelSerializer[DeadLetterTrait]):
    class Meta:
        model = DeadLetterTrait
        fields: ClassVar[tuple[str, ...]] = ("value", "count", "first_seen_at", "last_seen_at")
        read_only_fields = fields


class DeadLetterGroupDetailSerializer(DeadLetterGroupSerializer):
    """A group with what its letters have in common."""

    users = serializers.SerializerMethodField(help_text="The user_ids of the newest 50 letters.")
    versions = serializers.SerializerMethodField()
    queues = serializers.SerializerMethodField()

    class Meta(DeadLetterGroupSerializer.Meta):
        fields = (*DeadLetterGroupSerializer.Meta.fields, "users", "versions", "queues")
        read_only_fields = fields

    def get_users(self, group: DeadLetterGroup) -> list[str]:
        return newest_users(group.pk)

    @extend_schema_field(TraitSerializer(many=True))
    def get_versions(self, group: DeadLetterGroup) -> Any:
        return self._traits(group, "version")

    @extend_schema_field(TraitSerializer(many=True))
    def get_queues(self, group: DeadLetterGroup) -> Any:
        return self._traits(group, "queue")

    def _traits(self, group: DeadLetterGroup, kind: str) -> Any:
        traits = DeadLetterTrait.objects.filter(error_fingerprint=group.pk, kind=kind).order_by("-last_seen_at")
        return TraitSerializer(traits[:50], many=True).data


class DeadLetterGroupsSerializer(serializers.Serializer[Any]):
    data = DeadLetterGroupSerializer(many=True)  # type: ignore[assignment]
    more = serializers.BooleanField(help_text="Whether there are older groups than these.")


class DeadLetterGroupsView(APIView):
    permission_classes = ON_THE_DESK

    @extend_schema(
        operation_id="dead_letters_groups",
        tags=["dead letters"],
        parameters=PARAMETERS,
        responses={200: DeadLetterGroupsSerializer, **described.TOO_BROAD},
    )
    def get(self, request: Request) -> Response:
        """List the 200 groups of dead letters that were seen last; one fingerprint is one job type, error and place."""
        refuse_unread(request, FILTERS - {"status"}, {"status"})
        groups = narrowed(DeadLetterGroup.objects.select_related("assignee").order_by("-last_seen_at"), request)
        with time_limit():
            found = list(groups[: MOST + 1])
            context = {"trends": trend(group.pk for group in found[:MOST])}
        data = DeadLetterGroupSerializer(found[:MOST], many=True, context=context).data
        return Response({"data": data, "more": len(found) > MOST})


class DeadLetterGroupView(APIView):
    permission_classes = ON_THE_DESK

    @extend_schema(
        operation_id="dead_letters_group",
        tags=["dead letters"],
        parameters=[FINGERPRINT],
        responses=DeadLetterGroupDetailSerializer,
    )
    def get(self, request: Request, fingerprint: str) -> Response:
        """Look at one group: whose jobs died of it, where, and under which versions."""
        return _answer(fingerprint)

    @extend_schema(
        operation_id="dead_letters_group_partial_update",
        tags=["dead letters"],
        parameters=[FINGERPRINT],
        request=GroupChangesSerializer,
        responses=DeadLetterGroupDetailSerializer,
    )
    def patch(self, request: Request, fingerprint: str) -> Response:
        """Assign it, note something, link a ticket, mute it, or say that it is triaged, resolved or open.

        What is given of it happens together or not at all. None of it moves a letter: that is done by the acts on
        letters, for which `fingerprint` is a filter.
        """
        _group(fingerprint)
        body = GroupChangesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        change_group(fingerprint, request.user, **body.validated_data)
        return _answer(fingerprint)


def newest_users(fingerprint: str) -> list[str]:
    """Give the user_ids of those whose jobs died of it last, the latest first."""
    letters = DeadLetter.objects.filter(error_fingerprint=fingerprint).order_by("-id")
    latest = [pk for pk in letters.values_list("user_id", flat=True)[:NEWEST] if pk]
    names = dict(User.objects.filter(pk__in=set(latest)).values_list("pk", "user_id"))
    return [names[pk] for pk in dict.fromkeys(latest) if pk in names]


def _answer(fingerprint: str) -> Response:
    group = _group(fingerprint)
    context = {"trends": trend([group.pk])}
    return Response(DeadLetterGroupDetailSerializer(group, context=context).data)


def _group(fingerprint: str) -> DeadLetterGroup:
    group = DeadLetterGroup.objects.select_related("assignee").filter(pk=fingerprint.replace("\x00", "")).first()
    if group is None:
        raise Http404
    return group
