from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Number, Text
from accounts.api.views import APIView
from accounts.models import User
from accounts.permissions import IsWorker
from jobs.api.worker.fields import HeldSerializer
from jobs.remote.holding import PROGRESS_MAX_CHARACTERS, report_progress


class ProgressSerializer(HeldSerializer):
    """How far a job is."""

    percent = Number(min_value=0, max_value=100)
    message = Text(max_length=PROGRESS_MAX_CHARACTERS, allow_blank=True, default="")


class ProgressAnswerSerializer(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
    cancel_requested = serializers.BooleanField()


class ProgressView(APIView):
    permission_classes = (IsWorker,)

    @extend_schema(
        operation_id="worker_progress", tags=["worker"], request=ProgressSerializer, responses=ProgressAnswerSerializer
    )
    def post(self, request: Request) -> Response:
        """Tell how far a job is. When it is another worker's by now: 409 `lock-lost`, and nothing changes."""
        body = ProgressSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        user_id = cast(User, request.user).user_id
        found = report_progress(user_id, data["job_id"], data["lock_token"], int(data["percent"]), data["message"])
        return Response({"job_id": data["job_id"], "cancel_requested": found.cancel_requested})
