"""Workers: which there are, what they hold, and draining one of them."""

from typing import Any, Final, cast

from django.db import models
from django.http import Http404
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import idempotent
from accounts.api.views import ViewSet
from jobs import workers
from jobs.api.access import ON_THE_DESK
from jobs.api.parameters import refuse_unread
from jobs.api.reasons import ReasonSerializer, reason_of
from jobs.models import ProcessingLock, Worker

#: Workers in one answer, those heard of last.
MOST: Final = 1_000
#: Jobs that are listed of one worker.
MOST_JOBS: Final = 200
STATES: Final = Worker.Condition.choices
ID: Final = OpenApiParameter("id", {"type": "string"}, OpenApiParameter.PATH)


class WorkerSerializer(serializers.ModelSerializer[Worker]):
    state = serializers.ChoiceField(STATES, source="condition")
    slots = serializers.IntegerField(source="concurrency", help_text="How many jobs it runs at once at most.")
    running = serializers.IntegerField(help_text="Jobs that it ran when it was last heard of.")
    clock_offset = serializers.FloatField(
        allow_null=True, help_text="Seconds that its host's clock is ahead of the database's."
    )
    release = serializers.CharField(help_text="A digest of its source; workers of one release have the same.")
    supervisor = serializers.CharField(help_text='Who scales it with others; "" is nobody.')
    wish = serializers.ChoiceField(
        Worker.Wish.choices, help_text='What an operator has asked of it: "quiet", "drain", or "" for nothing.'
    )

    class Meta:
        model = Worker
        fields: tuple[str, ...] = (
            *("id", "state", "hostname", "pid", "queues", "job_types", "slots", "running", "rss_mb", "clock_offset"),
            *("release", "supervisor", "started_at", "heartbeat_at", "stopping_at", "stopped_at"),
            *("wish", "wished_at", "wished_by"),
        )
        read_only_fields: tuple[str, ...] = fields


class HeldJobSerializer(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
    locked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="When others may take the job, unless its lock is renewed.")


class WorkerDetailSerializer(WorkerSerializer):
    jobs = HeldJobSerializer(many=True, help_text=f"What it holds, the oldest first; at most {MOST_JOBS}.")

    class Meta(WorkerSerializer.Meta):
        fields = (*WorkerSerializer.Meta.fields, "jobs")
        read_only_fields = fields


class WorkersSerializer(serializers.Serializer[Any]):
    data = WorkerSerializer(many=True)  # type: ignore[assignment]


_ACT: Final[dict[str, Any]] = {
    "parameters": [ID],
    "request": ReasonSerializer,
    "responses": WorkerDetailSerializer,
}


@extend_schema(tags=["workers"])
class WorkerViewSet(ViewSet):
    """The processes that run jobs. For operators; viewers read."""

    permission_classes = ON_THE_DESK

    @extend_schema(operation_id="workers_list", responses=forced_singular_serializer(WorkersSerializer))  # type: ignore[no-untyped-call]
    def list(self, request: Request) -> Response:
        """List the workers, those heard of last first; one that has stopped stays for a day. At most 1,000."""
        refuse_unread(request, set())
        found = Worker.objects.with_condition().order_by("-heartbeat_at")[:MOST]
        return Response({"data": WorkerSerializer(found, many=True).data})

    @extend_schema(operation_id="workers_retrieve", parameters=[ID], responses=WorkerDetailSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        """Look at one worker, and at the jobs that it holds."""
        return _answer(id)

    @extend_schema(
        operation_id="workers_drain", parameters=[ID], request=ReasonSerializer, responses=WorkerDetailSerializer
    )
    @idempotent
    def drain(self, request: Request, id: str) -> Response:
        """Have it claim nothing more, finish what it runs, and end. It hears of it with its next heartbeat."""
        workers.drain(_known(id), request.user, reason_of(request))
        return _answer(id)

    @extend_schema(
        operation_id="workers_quiet", parameters=[ID], request=ReasonSerializer, responses=WorkerDetailSerializer
    )
    @idempotent
    def quiet(self, request: Request, id: str) -> Response:
        """Have it claim nothing until it is told to work on; what runs goes on."""
        workers.quiet(_known(id), request.user, reason_of(request))
        return _answer(id)

    @extend_schema(
        operation_id="workers_wake", parameters=[ID], request=ReasonSerializer, responses=WorkerDetailSerializer
    )
    @idempotent
    def wake(self, request: Request, id: str) -> Response:
        """Have a quiet worker claim again."""
        workers.wake(_known(id), request.user, reason_of(request))
        return _answer(id)


def _known(worker_id: str) -> str:
    if "\x00" in worker_id or not Worker.objects.filter(pk=worker_id).exists():
        raise Http404
    return worker_id


def _answer(worker_id: str) -> Response:
    worker = Worker.objects.with_condition().get(pk=_known(worker_id))
    held = ProcessingLock.objects.held_by(worker_id).order_by("locked_at")[:MOST_JOBS]
    cast(Any, worker).jobs = list(cast("models.QuerySet[ProcessingLock]", held))
    return Response(WorkerDetailSerializer(worker).data)
