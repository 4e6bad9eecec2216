from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import JsonObject, Number, Text
from accounts.api.idempotency import idempotent
from accounts.api.views import APIView
from accounts.models import User
from accounts.permissions import IsWorker
from jobs.api.worker.fields import EndedSerializer, StatusSerializer, usage_of
from jobs.execution import LONGEST_SNOOZE_SECONDS
from jobs.remote.ending import Failure, Kind, fail

#: Longer texts than are kept are taken and cut: an error must not be lost because it has much to say.
LONGEST_TEXT = 100_000


class FailSerializer(EndedSerializer):
    """An attempt that ended without a result."""

    kind = serializers.ChoiceField(choices=Kind.choices, default=Kind.RETRYABLE)
    error_class = Text(max_length=200, min_length=1, default="Error")
    message = Text(max_length=LONGEST_TEXT, allow_blank=True, default="", help_text="2,000 characters are kept.")
    stack_trace = Text(max_length=LONGEST_TEXT, allow_blank=True, default="", help_text="8,000 characters are kept.")
    retry_after = Number(
        required=False,
        min_value=0,
        max_value=LONGEST_SNOOZE_SECONDS,
        help_text="Seconds to wait, in place of the back-off; for `retryable`, `timeout` and `rate_limit`.",
    )
    details = JsonObject(default=dict, help_text="What else helps to understand it; at most 16 KiB.")


class FailView(APIView):
    permission_classes = (IsWorker,)

    @extend_schema(operation_id="worker_fail", tags=["worker"], request=FailSerializer, responses=StatusSerializer)
    @idempotent
    def post(self, request: Request) -> Response:
        """Tell that an attempt failed, was cancelled or interrupted.

        The job waits for its next attempt, or is a dead letter when its retries are used up or none can help. When it
        is another worker's by now: 409 `lock-lost`, and nothing changes.
        """
        body = FailSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        names = ("error_class", "message", "retry_after", "stack_trace", "details")
        failure = Failure(Kind(data["kind"]), **{name: data[name] for name in names if name in data})
        user_id = cast(User, request.user).user_id
        status = fail(user_id, data["job_id"], data["lock_token"], failure, usage_of(data))
        return Response({"job_id": data["job_id"], "status": status})
