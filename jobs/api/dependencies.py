"""What a job waits for, and what waits for it."""

from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import APIView
from jobs.api.access import ON_JOBS, visible_jobs
from jobs.api.parameters import refuse_unread
from jobs.models import Dependency
from jobs.statuses import Status

#: Dependencies shown in either direction, and counted.
SHOWN: Final = 100
COUNTED: Final = 10_000


class DependencySerializer(serializers.Serializer[Any]):
    job_id = serializers.UUIDField(help_text="The other job.")
    type = serializers.CharField(help_text="The other job's type.")
    job_status = serializers.ChoiceField(choices=Status.choices, help_text="The other job's status.")
    condition = serializers.ChoiceField(choices=Dependency.Condition.choices)
    status = serializers.ChoiceField(choices=Dependency.Status.choices)


class DependenciesSerializer(serializers.Serializer[Any]):
    """The first 100 of each; they are counted up to 10,000."""

    depends_on = DependencySerializer(many=True)
    depends_on_count = serializers.IntegerField()
    dependents = DependencySerializer(many=True)
    dependents_count = serializers.IntegerField()


class DependenciesView(APIView):
    permission_classes = ON_JOBS

    @extend_schema(operation_id="jobs_dependencies", tags=["jobs"], responses=DependenciesSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Look at what a job waits for, or waited for, and at what waits for it."""
        refuse_unread(request, set())
        if not visible_jobs(request.user).filter(pk=pk).exists():
            raise Http404
        mine = visible_jobs(request.user)
        before = Dependency.objects.filter(job=pk, depends_on__in=mine)
        behind = Dependency.objects.filter(depends_on=pk, job__in=mine)
        return Response(
            {
                "depends_on": _shown(before, "depends_on"),
                "depends_on_count": before.order_by()[:COUNTED].count(),
                "dependents": _shown(behind, "job"),
                "dependents_count": behind.order_by()[:COUNTED].count(),
            }
        )


def _shown(edges: QuerySet[Dependency], other: str) -> list[dict[str, Any]]:
    names = (f"{other}_id", f"{other}__job_type", f"{other}__status", "condition", "status")
    keys = ("job_id", "type", "job_status", "condition", "status")
    return [dict(zip(keys, row, strict=True)) for row in edges.order_by("id").values_list(*names)[:SHOWN]]
