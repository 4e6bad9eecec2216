"""Batches as clients see them: submit, list, look at, cancel."""

from collections.abc import Callable
from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django_filters import FilterSet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.fields import JsonObject, Text
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import GenericViewSet
from accounts.models import User, Workspace
from jobs import batches, options
from jobs.api.access import ON_JOBS, visible_batches
from jobs.api.bulk import MAX_ITEMS
from jobs.api.links import nested_in
from jobs.api.new_job import read_job
from jobs.api.parameters import StrictFilterBackend
from jobs.api.reasons import ReasonSerializer, reason_of
from jobs.enqueue import NewJob
from jobs.models import Batch
from jobs.statuses import Status

NAME: Final[dict[str, Any]] = {
    "required": False,
    "default": "",
    "allow_blank": True,
    "max_length": options.TEXT_MAX_LENGTH,
}


#: What may follow a batch.
CALLBACKS: Final = frozenset({"on_completed", "on_ended"})


class NewBatchSerializer(StrictSerializer):
    """Jobs that belong together, and at most one that runs when they have ended."""

    schema_rules: ClassVar = {"not": {"required": ["on_completed", "on_ended"]}}

    name = Text(**NAME)
    jobs = serializers.ListField(
        child=JsonObject(), max_length=MAX_ITEMS, help_text="Each is like the body of one job, without a unique_key."
    )
    on_completed = JsonObject(required=False, help_text="A job that runs when all of them have completed.")
    on_ended = JsonObject(required=False, help_text="A job that runs when all of them have ended, well or not.")
    metadata = JsonObject(required=False, default=dict, help_text="What you want to keep beside it; at most 64 KiB.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "on_completed" in attrs and "on_ended" in attrs:
            raise serializers.ValidationError({"on_ended": ["Cannot be given together with on_completed."]})
        return attrs


class ListedBatchSerializer(serializers.ModelSerializer[Batch]):
    batch_id = serializers.UUIDField(source="id", read_only=True)
    user_id = serializers.CharField(source="user.user_id", read_only=True, default=None, allow_null=True)
    callback_id = serializers.UUIDField(source="callback", read_only=True, allow_null=True)
    is_workflow = serializers.SerializerMethodField()

    class Meta:
        model = Batch
        fields: tuple[str, ...] = ("batch_id", "name", "user_id", "total", "callback_id", "is_workflow", "created_at")
        read_only_fields: tuple[str, ...] = fields

    def get_is_workflow(self, batch: Batch) -> bool:
        return batch.steps is not None


class BatchSerializer(ListedBatchSerializer):
    """A batch and how far it is. Its jobs are listed by `GET /jobs?batch=…`."""

    counts = serializers.SerializerMethodField(help_text="Jobs by status; the callback is not among them.")
    progress = serializers.SerializerMethodField(help_text="How many of a hundred have ended for good.")
    steps = serializers.SerializerMethodField(help_text="Of a workflow: ids of jobs by the names of their steps.")
    metadata = JsonObject(read_only=True)

    class Meta(ListedBatchSerializer.Meta):
        fields = (*ListedBatchSerializer.Meta.fields, "counts", "progress", "steps", "metadata")
        read_only_fields = fields

    def get_counts(self, batch: Batch) -> dict[Status, int]:
        return self._counted(batch).by_status  # type: ignore[return-value]

    def get_progress(self, batch: Batch) -> int:
        return self._counted(batch).progress

    def get_steps(self, batch: Batch) -> dict[str, UUID] | None:
        return batch.steps

    def _counted(self, batch: Batch) -> batches.Counts:
        if not hasattr(self, "_counts"):
            self._counts = batches.count(batch)
        return self._counts


class SubmittedBatchSerializer(BatchSerializer):
    job_ids = serializers.SerializerMethodField(help_text="Of its jobs, in the order they were given.")

    class Meta(BatchSerializer.Meta):
        fields = (*BatchSerializer.Meta.fields, "job_ids")
        read_only_fields = fields

    def get_job_ids(self, batch: Batch) -> list[UUID]:
        return cast("list[UUID]", self.context["job_ids"])


class BatchFilters(FilterSet):
    class Meta:
        model = Batch
        fields: ClassVar[list[str]] = []


@extend_schema(tags=["batches"])
class BatchViewSet(GenericViewSet[Batch]):
    """Batches and workflows of the caller; for staff, of everyone."""

    queryset = Batch.objects.none()
    permission_classes = ON_JOBS
    serializer_class = BatchSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = BatchFilters

    def get_queryset(self) -> QuerySet[Batch]:
        return visible_batches(self.request.user).select_related("user")

    @extend_schema(operation_id="batches_list", responses=ListedBatchSerializer(many=True))
    def list(self, request: Request) -> Response:
        """List batches and workflows, newest first, without their counts."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(ListedBatchSerializer(page, many=True).data)

    @extend_schema(
        operation_id="batches_create",
        request=NewBatchSerializer,
        responses={201: OpenApiResponse(SubmittedBatchSerializer, "Submitted. `Location` is where it is found.")},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Submit jobs that belong together, all or none. Without jobs its callback runs at once."""
        body = NewBatchSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        workspaces: dict[str, Workspace] = {}

        def read(item: Any) -> NewJob:
            return read_job(item, request, workspaces)

        with transaction.atomic():
            news = [_member(place, item, read) for place, item in enumerate(data["jobs"])]
            callbacks = {name: nested_in(name, data[name], read) for name in CALLBACKS & data.keys()}
            submitted = batches.enqueue_batch(
                news, name=data["name"], metadata=data["metadata"], user=cast(User, request.user), **callbacks
            )
            batch = self.get_queryset().get(pk=submitted.id)
            ids = [str(job.id) for job in submitted.jobs]
            answer = SubmittedBatchSerializer(batch, context={"job_ids": ids}).data
        location = {"Location": reverse("batch", [batch.pk], request=request)}
        return Response(answer, status=status.HTTP_201_CREATED, headers=location)

    @extend_schema(operation_id="batches_retrieve", responses=BatchSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Look at a batch or workflow: how many of its jobs are in which status."""
        return Response(BatchSerializer(self._visible(pk)).data)

    @extend_schema(operation_id="batches_cancel", request=ReasonSerializer, responses=BatchSerializer)
    @idempotent
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Cancel what has not started, and ask what runs to stop. A callback `on_ended` runs all the same."""
        self._visible(pk)
        batches.cancel(pk, request.user, reason_of(request))
        return Response(BatchSerializer(self._visible(pk)).data)

    def _visible(self, pk: UUID) -> Batch:
        batch = self.get_queryset().filter(pk=pk).first()
        if batch is None:
            raise Http404
        return batch


def _member(place: int, item: Any, read: Callable[[Any], NewJob]) -> NewJob:
    return nested_in("jobs", item, lambda item: nested_in(str(place), item, read))
