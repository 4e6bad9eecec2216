"""Queues: how full they are, and pausing them."""

from dataclasses import asdict
from typing import Any, Final

from django.http import Http404
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import idempotent
from accounts.api.views import ViewSet
from jobs import options, queues
from jobs.api.access import ON_THE_DESK
from jobs.api.parameters import refuse_unread
from jobs.api.reasons import ReasonSerializer, reason_of
from jobs.models import Queue
from jobs.queues import QueueSnapshot
from jobs.registry import registry

NAME: Final = OpenApiParameter(
    "name", {"type": "string", "pattern": f"^{options.QUEUE_NAME.pattern}$"}, OpenApiParameter.PATH
)


class QueueSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    depth = serializers.IntegerField(help_text="Pending jobs, counted up to 100,000.")
    depth_capped = serializers.BooleanField(help_text="Whether there are more than were counted.")
    oldest_age_seconds = serializers.FloatField(help_text="How long the job that is due longest has been due.")
    processing = serializers.IntegerField()
    paused = serializers.BooleanField()
    paused_at = serializers.DateTimeField(allow_null=True)
    paused_reason = serializers.CharField()


class QueuesSerializer(serializers.Serializer[Any]):
    data = QueueSerializer(many=True)  # type: ignore[assignment]


@extend_schema(tags=["queues"])
class QueueViewSet(ViewSet):
    """The lanes that workers listen to. For operators; viewers read."""

    permission_classes = ON_THE_DESK

    @extend_schema(operation_id="queues_list", responses=forced_singular_serializer(QueuesSerializer))  # type: ignore[no-untyped-call]
    def list(self, request: Request) -> Response:
        """List the queues that hold waiting or running jobs, have been paused once, or belong to a job type."""
        refuse_unread(request, set())
        return Response({"data": list(_described().values())})

    @extend_schema(operation_id="queues_retrieve", parameters=[NAME], responses=QueueSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        found = _described().get(name)
        if found is None:
            raise Http404
        return Response(found)

    @extend_schema(operation_id="queues_pause", parameters=[NAME], request=ReasonSerializer, responses=QueueSerializer)
    @idempotent
    def pause(self, request: Request, name: str) -> Response:
        """Keep workers from starting jobs of this queue; running ones go on. A name may be paused ahead of its use."""
        queues.pause(_checked(name), request.user, reason_of(request))
        return _answer(name)

    @extend_schema(operation_id="queues_resume", parameters=[NAME], request=ReasonSerializer, responses=QueueSerializer)
    @idempotent
    def resume(self, request: Request, name: str) -> Response:
        """Let workers start jobs of this queue again."""
        queues.resume(_checked(name), request.user, reason_of(request))
        return _answer(name)


def _checked(name: str) -> str:
    """A name that no queue can have is an address where nothing is."""
    if not options.QUEUE_NAME.fullmatch(name):
        raise Http404
    return name


def _described() -> dict[str, dict[str, Any]]:
    rows = Queue.objects.in_bulk()
    found = {each.name: each for each in queues.snapshot()}
    for job_type in registry:
        found.setdefault(job_type.queue, QueueSnapshot(job_type.queue, 0, 0.0, 0, False))
    return {name: _describe(found[name], rows.get(name)) for name in sorted(found)}


def _answer(name: str) -> Response:
    """Describe a queue that somebody acted on, be it that nothing was ever in it."""
    return Response(_described().get(name) or _describe(QueueSnapshot(name, 0, 0.0, 0, False), None))


def _describe(snapshot: QueueSnapshot, row: Queue | None) -> dict[str, Any]:
    facts = {**asdict(snapshot), "depth_capped": snapshot.depth_capped}
    paused = {"paused_at": row.paused_at if row else None, "paused_reason": row.paused_reason if row else ""}
    return dict(QueueSerializer({**facts, **paused}).data)
