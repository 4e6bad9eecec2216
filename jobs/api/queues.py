"""Queues: how full they are, pausing them, and their rules."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar, Final

from django.core.validators import RegexValidator
from django.http import Http404
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.fields import Moment, Text, WholeNumber, YesNo
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import ViewSet
from jobs import options, purging, queues, rates
from jobs.api.access import ON_THE_DESK
from jobs.api.parameters import refuse_unread
from jobs.api.reasons import REASON_MAX_LENGTH, ReasonSerializer, reason_of
from jobs.models import Queue
from jobs.queues import QueueSnapshot
from jobs.registry import registry

NAME: Final = OpenApiParameter(
    "name", {"type": "string", "pattern": f"^{options.QUEUE_NAME.pattern}$"}, OpenApiParameter.PATH
)


class QueueSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    depth = serializers.IntegerField(help_text="Pending jobs, counted up to 100,000.")
    ready = serializers.IntegerField(help_text="Of those, how many are due; the others are for later.")
    depth_capped = serializers.BooleanField(help_text="Whether there are more than were counted.")
    oldest_age_seconds = serializers.FloatField(help_text="How long the job that is due longest has been due.")
    processing = serializers.IntegerField()
    paused = serializers.BooleanField()
    paused_at = serializers.DateTimeField(allow_null=True)
    paused_reason = serializers.CharField()
    paused_by = serializers.CharField(help_text='Who paused it; "" where that was not kept.')
    resume_at = serializers.DateTimeField(allow_null=True, help_text="When it goes on by itself; null is never.")
    waiting = serializers.IntegerField(help_text="Jobs that wait for others or for an event, beside those.")
    concurrency_limit = serializers.IntegerField(
        allow_null=True, help_text="How many of its jobs may run at once; null is any number."
    )
    rate_limit = serializers.CharField(
        allow_null=True, help_text="How many of its jobs may start in a time; null is any number."
    )
    fair = serializers.BooleanField(help_text="Whether its users take turns.")


class QueueRulesSerializer(StrictSerializer):
    """The rules of a queue; what is left out stays as it is, null takes a limit away."""

    schema_rules: ClassVar = {"minProperties": 1}

    concurrency_limit = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=options.MOST_AT_ONCE,
        help_text="How many of its jobs may run at once, on all workers together; those that run already count.",
    )
    rate_limit = Text(
        required=False,
        allow_null=True,
        validators=[RegexValidator(rf"{rates.PATTERN[:-1]}\Z", "Must be a rate such as 60/m or 10/30s.")],
        help_text="How many of its jobs may start in a time: `60/m`, or `10/30s`.",
    )
    fair = YesNo(required=False, help_text="Whether its users take turns; for the jobs that are submitted from now on.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Give at least one of concurrency_limit, rate_limit and fair.", "empty")
        return attrs


class PauseSerializer(StrictSerializer):
    """Why a queue is paused, and when it goes on by itself."""

    reason = Text(required=False, default="", allow_blank=True, max_length=REASON_MAX_LENGTH)
    resume_at = Moment(required=False, allow_null=True, help_text="It lies ahead; without it somebody has to resume.")


class PurgeSerializer(StrictSerializer):
    """What becomes of the jobs that wait in a queue, and of which of them."""

    dry_run = YesNo(required=False, default=True, help_text="Whether nothing is ended.")
    action = serializers.ChoiceField(purging.ACTIONS, required=False, default="cancel")
    before = Moment(required=False, help_text="Jobs submitted from this moment on stay; without it, from now on.")
    reason = Text(required=False, default="", allow_blank=True, max_length=REASON_MAX_LENGTH)


class PurgedSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    matched = serializers.IntegerField(help_text=f"Jobs that wait, counted up to {purging.COUNT_CAP:,}.")
    capped = serializers.BooleanField(help_text="Whether there are more than were counted.")
    operation_id = serializers.UUIDField(allow_null=True, help_text="The bulk operation that ends them.")


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

    @extend_schema(
        operation_id="queues_partial_update",
        parameters=[NAME],
        request=QueueRulesSerializer,
        responses=QueueSerializer,
    )
    def partial_update(self, request: Request, name: str) -> Response:
        """Set its limits, and whether its users take turns. A name may be given rules ahead of its use."""
        _checked(name)
        body = QueueRulesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        queues.configure(name, request.user, **body.validated_data)
        return _answer(name)

    @extend_schema(operation_id="queues_pause", parameters=[NAME], request=PauseSerializer, responses=QueueSerializer)
    @idempotent
    def pause(self, request: Request, name: str) -> Response:
        """Keep workers from starting jobs of this queue; running ones go on. A name may be paused ahead of its use.

        With `resume_at` it goes on by itself, some seconds after that moment. Pausing again changes nothing but that.
        """
        _checked(name)
        body = PauseSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        queues.pause(name, request.user, **body.validated_data)
        return _answer(name)

    @extend_schema(operation_id="queues_resume", parameters=[NAME], request=ReasonSerializer, responses=QueueSerializer)
    @idempotent
    def resume(self, request: Request, name: str) -> Response:
        """Let workers start jobs of this queue again."""
        queues.resume(_checked(name), request.user, reason_of(request))
        return _answer(name)

    @extend_schema(
        operation_id="queues_purge",
        parameters=[NAME],
        request=PurgeSerializer,
        responses={
            200: OpenApiResponse(PurgedSerializer, "Nothing was ended."),
            202: OpenApiResponse(PurgedSerializer, "Begun. `Location` is where the operation is found."),
        },
    )
    @idempotent
    def purge(self, request: Request, name: str) -> Response:
        """End what waits in this queue, as a bulk operation. Unless `dry_run` is false, only count it.

        Running jobs go on, and what is submitted later stays.
        """
        _checked(name)
        body = PurgeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return _purge(request, name, **body.validated_data)


def _purge(
    request: Request, name: str, *, dry_run: bool, action: str, reason: str, before: datetime | None = None
) -> Response:
    found = purging.look(name, before)
    facts = {"dry_run": dry_run, "matched": found.matched, "capped": found.capped, "operation_id": None}
    if dry_run:
        return Response(PurgedSerializer(facts).data)
    begun = purging.purge(name, request.user, reason, action=action, before=before)
    headers = {"Location": reverse("bulk-operation", [begun.pk], request=request)}
    body = PurgedSerializer({**facts, "operation_id": begun.pk}).data
    return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


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
    facts = {**asdict(snapshot), "ready": snapshot.due, "depth_capped": snapshot.depth_capped}
    rules = row or Queue(name=snapshot.name)
    names = ("paused_at", "paused_reason", "paused_by", "resume_at", "concurrency_limit", "rate_limit", "fair")
    return dict(QueueSerializer({**facts, **{name: getattr(rules, name) for name in names}}).data)
