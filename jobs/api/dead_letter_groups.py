"""Dead letters by what went wrong: a thousand letters are often one fault."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import APIView
from jobs.api import described
from jobs.api.access import ON_THE_DESK
from jobs.api.parameters import refuse_unread
from jobs.api.time_limit import time_limit
from jobs.models import DeadLetterGroup

MOST: Final = 200


class DeadLetterGroupSerializer(serializers.ModelSerializer[DeadLetterGroup]):
    fingerprint = serializers.CharField(source="error_fingerprint", read_only=True)
    type = serializers.CharField(source="job_type", read_only=True)

    class Meta:
        model = DeadLetterGroup
        fields = (
            *("fingerprint", "type", "error_class", "error_message", "open_count", "total_count"),
            *("first_seen_at", "last_seen_at"),
        )
        read_only_fields = fields


class DeadLetterGroupsSerializer(serializers.Serializer[Any]):
    data = DeadLetterGroupSerializer(many=True)  # type: ignore[assignment]
    more = serializers.BooleanField(help_text="Whether there are older groups than these.")


class DeadLetterGroupsView(APIView):
    permission_classes = ON_THE_DESK

    @extend_schema(
        operation_id="dead_letters_groups",
        tags=["dead letters"],
        parameters=[
            OpenApiParameter(
                "open", {"type": "string", "enum": ["true", "false"]}, description="Only groups with open letters."
            )
        ],
        responses={200: DeadLetterGroupsSerializer, **described.TOO_BROAD},
    )
    def get(self, request: Request) -> Response:
        """List the 200 groups of dead letters that were seen last; one fingerprint is one job type, error and place."""
        refuse_unread(request, {"open"})
        groups = DeadLetterGroup.objects.order_by("-last_seen_at")
        wanted = request.query_params.get("open", "false")
        if wanted not in ("true", "false"):
            raise ValidationError({"open": [ErrorDetail("Must be true or false.", code="invalid")]})
        if wanted == "true":
            groups = groups.filter(open_count__gt=0)
        with time_limit():
            found = list(groups[: MOST + 1])
        data = DeadLetterGroupSerializer(found[:MOST], many=True).data
        return Response({"data": data, "more": len(found) > MOST})
