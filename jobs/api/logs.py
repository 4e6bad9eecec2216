"""What was logged while a job ran."""

from typing import Any, Final
from uuid import UUID

from django.db.models import Max
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import APIView
from jobs.api.access import ON_JOBS, visible_jobs
from jobs.api.parameters import refuse_unread
from jobs.models import LogLine

ATTEMPT: Final = OpenApiParameter(
    "attempt",
    {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    description="Which attempt, from 1; the latest that has logged anything when it is left out.",
)


class LogLineSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Which line of the attempt it is, from 0.")
    at = serializers.DateTimeField(help_text="By the clock of the worker.")
    level = serializers.CharField(help_text="INFO, WARNING …")
    logger = serializers.CharField()
    message = serializers.CharField()


class JobLogsSerializer(serializers.Serializer[Any]):
    """The last lines of one attempt; secrets are taken out of them."""

    attempt = serializers.IntegerField(allow_null=True, help_text="Null where nothing was logged.")
    left_out = serializers.IntegerField(help_text="Lines before these, which are not kept.")
    lines = LogLineSerializer(many=True)


class JobLogsView(APIView):
    permission_classes = ON_JOBS

    @extend_schema(operation_id="jobs_logs", tags=["jobs"], parameters=[ATTEMPT], responses=JobLogsSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Read what was logged while a job ran, one attempt at a time."""
        refuse_unread(request, {"attempt"})
        attempt = _attempt(request)
        if not visible_jobs(request.user).filter(pk=pk).exists():
            raise Http404
        if attempt is None:
            attempt = LogLine.objects.filter(job=pk).aggregate(latest=Max("attempt"))["latest"]
        lines = list(LogLine.objects.filter(job=pk, attempt=attempt).order_by("number")) if attempt is not None else []
        left_out = lines[0].number if lines else 0
        return Response(JobLogsSerializer({"attempt": attempt, "left_out": left_out, "lines": lines}).data)


def _attempt(request: Request) -> int | None:
    text = request.query_params.get("attempt")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValidationError({"attempt": [ErrorDetail("Must be a whole number.", code="invalid")]})
    return int(text)
