"""The tasks of one job, as its handler came to them."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django_filters import FilterSet, MultipleChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import AnyJson, JsonObject
from accounts.api.views import GenericViewSet
from jobs.api.access import ON_JOBS, visible_jobs
from jobs.api.parameters import SeveralWords, StrictFilterBackend, WordFilter
from jobs.models import Task
from jobs.tasks.place import WHOLE


class TaskFilters(FilterSet):
    status = MultipleChoiceFilter(choices=Task.Status.choices, widget=SeveralWords, help_text="One or several.")
    kind = MultipleChoiceFilter(choices=Task.Kind.choices, widget=SeveralWords, help_text="One or several.")
    name = WordFilter(field_name="name")

    class Meta:
        model = Task
        fields: ClassVar[list[str]] = []


class TaskSerializer(serializers.ModelSerializer[Task]):
    position = serializers.IntegerField(read_only=True, help_text="Which task of the handler's code it is, from 1.")
    item = serializers.SerializerMethodField(help_text="Which item of a map, from 0; null for anything else.")
    payload = JsonObject(read_only=True, help_text="What it was given, in short and without secrets.")
    result = AnyJson(read_only=True, help_text="Null until it is completed.")
    error_message = serializers.CharField(read_only=True, allow_null=True, help_text="Null unless it failed.")
    attempt = serializers.IntegerField(read_only=True, help_text="How often it was begun.")
    wake_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="The end of a sleep, or of the time for an event."
    )

    class Meta:
        model = Task
        fields = (
            *("position", "item", "kind", "name", "status", "payload", "result", "error_message", "attempt"),
            *("started_at", "completed_at", "wake_at"),
        )
        read_only_fields = fields

    def get_item(self, task: Task) -> int | None:
        return task.item if task.kind == Task.Kind.MAP and task.item != WHOLE else None


@extend_schema(tags=["jobs"])
class TaskViewSet(GenericViewSet[Task]):
    """The durable tasks of a job: those of its owner; for staff, of everyone."""

    queryset = Task.objects.none()
    permission_classes = ON_JOBS
    serializer_class = TaskSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = TaskFilters
    page_order = "place"

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.filter(job_id=self.kwargs["pk"], is_deleted=False) if "pk" in self.kwargs else self.queryset

    @extend_schema(operation_id="jobs_tasks", responses={200: TaskSerializer(many=True)})
    def list(self, request: Request, pk: UUID, **kwargs: Any) -> Response:
        """List the tasks of a job in the order of its code; a map has one for itself and one for each item."""
        if not visible_jobs(request.user).filter(pk=pk).exists():
            raise Http404
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(TaskSerializer(page, many=True).data)
