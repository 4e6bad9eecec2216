"""What happened in a queue: the figures behind the console's charts."""

from typing import Any, Final

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import APIView
from jobs import options, queue_history
from jobs.api.access import ON_THE_DESK
from jobs.api.parameters import refuse_unread
from jobs.api.queues import NAME
from jobs.queue_history import Point

_DEFAULT: Final = "1h"
_RANGE: Final = OpenApiParameter(
    "range",
    {"type": "string", "enum": list(queue_history.RANGES), "default": _DEFAULT},
    OpenApiParameter.QUERY,
    description="By the minute, the quarter of an hour, or two hours.",
)


class QueuePointSerializer(serializers.Serializer[Point]):
    at = serializers.DateTimeField(help_text="Begin of the slot.")
    known = serializers.BooleanField(help_text="Whether a worker counted then; else all else means nothing.")
    seconds = serializers.FloatField(help_text="How long the counts took to come together; more after a gap.")
    started = serializers.IntegerField(help_text="Attempts that began.")
    completed = serializers.IntegerField()
    retried = serializers.IntegerField(help_text="Attempts that failed and are made again.")
    cancelled = serializers.IntegerField()
    dead_lettered = serializers.IntegerField(source="dead")
    wait_p50_seconds = serializers.SerializerMethodField(help_text="From due to begun; null where nothing began.")
    wait_p95_seconds = serializers.SerializerMethodField()
    depth = serializers.IntegerField(help_text="The most pending jobs that were seen, counted up to 100,000.")
    oldest_age_seconds = serializers.FloatField(source="oldest")
    processing = serializers.IntegerField(source="running", help_text="The most that were seen.")

    def get_wait_p50_seconds(self, point: Point) -> float | None:
        return point.wait(0.5)

    def get_wait_p95_seconds(self, point: Point) -> float | None:
        return point.wait(0.95)


class QueueHistorySerializer(serializers.Serializer[Any]):
    data_through = serializers.DateTimeField(allow_null=True, help_text="When a worker last counted; null is never.")
    slot_minutes = serializers.IntegerField()
    points = QueuePointSerializer(many=True)


@extend_schema(tags=["queues"])
class QueueHistoryView(APIView):
    """How a queue went. For operators; viewers read."""

    permission_classes = ON_THE_DESK

    @extend_schema(operation_id="queues_history", parameters=[NAME, _RANGE], responses=QueueHistorySerializer)
    def get(self, request: Request, name: str) -> Response:
        """Give what happened in a queue over an hour, a day or a week, the oldest slot first.

        A queue that nothing was ever counted of has slots without anything.
        """
        if not options.QUEUE_NAME.fullmatch(name):
            raise Http404
        refuse_unread(request, {"range"})
        span = request.query_params.get("range", _DEFAULT)
        if span not in queue_history.RANGES:
            words = f"Must be one of {', '.join(queue_history.RANGES)}."
            raise ValidationError({"range": [ErrorDetail(words, code="invalid_choice")]})
        found = queue_history.history(name, span)
        told = {"data_through": found.through, "slot_minutes": found.points[0].minutes, "points": found.points}
        return Response(QueueHistorySerializer(told).data)
