from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import AnyJson
from accounts.api.idempotency import idempotent
from accounts.api.views import APIView
from accounts.models import User
from accounts.permissions import IsWorker
from jobs.api.worker.fields import EndedSerializer, StatusSerializer, usage_of
from jobs.remote.ending import complete


class CompleteSerializer(EndedSerializer):
    """A job that is done."""

    result = AnyJson(required=False, default=None, allow_null=True, help_text="At most 1 MiB of JSON.")


class CompleteView(APIView):
    permission_classes = (IsWorker,)

    @extend_schema(
        operation_id="worker_complete", tags=["worker"], request=CompleteSerializer, responses=StatusSerializer
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Hand in a job's result. When the job is another worker's by now: 409 `lock-lost`, and nothing changes."""
        body = CompleteSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        user_id = cast(User, request.user).user_id
        status = complete(user_id, data["job_id"], data["lock_token"], data["result"], usage_of(data))
        return Response({"job_id": data["job_id"], "status": status})
