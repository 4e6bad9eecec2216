from dataclasses import asdict
from typing import Any, Final, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.strict import StrictSerializer
from accounts.api.views import APIView
from accounts.models import User
from accounts.permissions import IsWorker
from jobs import conf
from jobs.api.worker.fields import HeldSerializer, LockSeconds, WorkerId
from jobs.remote.holding import renew

MOST_JOBS: Final = 1_000


class RenewSerializer(StrictSerializer):
    """The jobs that a worker is busy with."""

    worker_id = WorkerId()
    jobs = serializers.ListField(child=HeldSerializer(), min_length=1, max_length=MOST_JOBS)
    lock_seconds = LockSeconds(required=False, help_text="From now on; without it, what the server has as its usual.")


class RenewalSerializer(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
    held = serializers.BooleanField(help_text="Whether it is still yours. If not, stop: nothing of yours will be kept.")
    cancel_requested = serializers.BooleanField(help_text="Whether somebody asked to cancel it.")
    timed_out = serializers.BooleanField(help_text="Whether it has had its time; its lock is not renewed any more.")


class RenewalsSerializer(serializers.Serializer[Any]):
    jobs = RenewalSerializer(many=True)


class RenewView(APIView):
    permission_classes = (IsWorker,)

    @extend_schema(operation_id="worker_renew", tags=["worker"], request=RenewSerializer, responses=RenewalsSerializer)
    def post(self, request: Request) -> Response:
        """Keep the locks of running jobs, and learn which of them to stop. Do so at a third of the lock's time."""
        body = RenewSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        tokens = {job["job_id"]: job["lock_token"] for job in data["jobs"]}
        user_id = cast(User, request.user).user_id
        renewals = renew(user_id, data["worker_id"], tokens, data.get("lock_seconds", conf.lock_duration()))
        return Response({"jobs": [asdict(renewal) for renewal in renewals]})
