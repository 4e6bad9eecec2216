"""What kinds of jobs may be submitted, and with what payload."""

from typing import Any

from django.http import Http404
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import JsonObject
from accounts.api.views import ViewSet
from jobs import conf
from jobs.api.parameters import refuse_unread
from jobs.registry import JobType, registry


class JobTypeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    queue = serializers.CharField()
    priority = serializers.IntegerField()
    max_retries = serializers.IntegerField()
    timeout = serializers.FloatField(allow_null=True, help_text="Seconds that an attempt may run; null is no limit.")
    isolation = serializers.ChoiceField(choices=["thread", "process"])
    payload_schema = JsonObject(help_text="JSON Schema, draft 2020-12, of the payload.")


class JobTypesSerializer(serializers.Serializer[Any]):
    data = JobTypeSerializer(many=True)  # type: ignore[assignment]


@extend_schema(tags=["job types"])
class JobTypeViewSet(ViewSet):
    """The job types of this installation. What one leaves out when submitting a job is taken from here."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(operation_id="job_types_list", responses=forced_singular_serializer(JobTypesSerializer))  # type: ignore[no-untyped-call]
    def list(self, request: Request) -> Response:
        refuse_unread(request, set())
        return Response({"data": [_describe(job_type) for job_type in registry.listed()]})

    @extend_schema(operation_id="job_types_retrieve", responses=JobTypeSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        found = next((job_type for job_type in registry.listed() if job_type.name == name), None)
        if found is None:
            raise Http404
        return Response(_describe(found))


def _describe(job_type: JobType) -> dict[str, Any]:
    retries = conf.max_retries() if job_type.max_retries is None else job_type.max_retries
    return {
        "name": job_type.name,
        "description": job_type.description,
        "queue": job_type.queue,
        "priority": job_type.priority,
        "max_retries": retries,
        "timeout": job_type.timeout,
        "isolation": job_type.isolation,
        "payload_schema": job_type.schema,
    }
