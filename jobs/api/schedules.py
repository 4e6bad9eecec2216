"""Schedules as clients see them: make, list, look at, change, run now, delete, restore."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.etags import etag, expected_version
from accounts.api.idempotency import idempotent
from accounts.api.views import GenericViewSet
from accounts.roles import STAFF
from jobs import schedules
from jobs.api import described, secrets
from jobs.api.access import ON_JOBS, visible_jobs
from jobs.api.job import JobSerializer
from jobs.api.new_schedule import NewScheduleSerializer, ScheduleChangeSerializer
from jobs.api.parameters import StrictFilterBackend
from jobs.api.reasons import ReasonSerializer, reason_of
from jobs.api.schedule import ListedScheduleSerializer, ScheduleSerializer
from jobs.api.schedule_backfill import BackfilledSerializer, BackfillSerializer, SkipSerializer, backfilled
from jobs.api.schedule_filters import ScheduleFilters
from jobs.api.schedule_preview import COUNT, SchedulePreviewSerializer, TryIntervalSerializer, count_of, described_times
from jobs.api.time_limit import time_limit
from jobs.models import Schedule


def visible_schedules(user: Any) -> QuerySet[Schedule]:
    """Give the schedules that the user may know of, deleted ones too."""
    found = Schedule.objects.all()
    return found if user.role in STAFF else found.owned_by(user)


@extend_schema(tags=["schedules"])
class ScheduleViewSet(GenericViewSet[Schedule]):
    """Schedules of the caller; for staff, of everyone."""

    queryset = Schedule.objects.none()
    permission_classes = ON_JOBS
    serializer_class = ScheduleSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = ScheduleFilters

    def get_queryset(self) -> QuerySet[Schedule]:
        return visible_schedules(self.request.user).select_related("user")

    @extend_schema(
        operation_id="schedules_list", responses={200: ListedScheduleSerializer(many=True), **described.TOO_BROAD}
    )
    def list(self, request: Request) -> Response:
        """List schedules, newest first, without their payloads."""
        with time_limit():
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset().defer("payload")))
        return self.get_paginated_response(ListedScheduleSerializer(page, many=True).data)

    @extend_schema(
        operation_id="schedules_create",
        request=NewScheduleSerializer,
        responses={201: OpenApiResponse(ScheduleSerializer, "Made. `Location` is where it is found.")},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Make a schedule. Its jobs are yours."""
        body = NewScheduleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        made = schedules.create(request.user, source=Schedule.Source.API, **body.validated_data)
        response = self._answer(made.pk, status.HTTP_201_CREATED)
        response["Location"] = reverse("schedule", [made.pk], request=request)
        return response

    @extend_schema(operation_id="schedules_retrieve", parameters=[secrets.PARAMETER], responses=ScheduleSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Look at a schedule."""
        return self._answer(pk)

    @extend_schema(
        operation_id="schedules_partial_update",
        request=ScheduleChangeSerializer,
        parameters=[described.IF_MATCH],
        responses=ScheduleSerializer,
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change a schedule. Times that have passed are not made up for by new ones."""
        version = expected_version(request)
        self._visible(pk)
        body = ScheduleChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        schedules.change(pk, request.user, expected_version=version, **body.validated_data)
        return self._answer(pk)

    @extend_schema(
        operation_id="schedules_destroy",
        parameters=[described.IF_MATCH],
        responses={204: OpenApiResponse(description="Deleted. Its jobs go on.")},
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete a schedule; it can be restored."""
        version = expected_version(request)
        self._visible(pk)
        schedules.soft_delete(pk, request.user, expected_version=version)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="schedules_run",
        request=ReasonSerializer,
        responses={202: OpenApiResponse(JobSerializer, "Submitted. `Location` is where the job is found.")},
    )
    @idempotent
    def run(self, request: Request, pk: UUID) -> Response:
        """Run its job now, whatever its times are, and be it switched off; they stay as they are."""
        self._visible(pk)
        submitted = schedules.run_now(pk, request.user, reason_of(request))
        job = visible_jobs(request.user).select_related("user", "workspace").get(pk=submitted.id)
        secrets.hide_in_list(request, [job], "payload")
        headers = {"Location": reverse("job", [job.pk], request=request), "ETag": etag(job.version)}
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED, headers=headers)

    @extend_schema(operation_id="schedules_skip_next", request=SkipSerializer, responses=ScheduleSerializer)
    @idempotent
    def skip_next(self, request: Request, pk: UUID) -> Response:
        """Leave its next time out. 409 where no time is to come, or where the next one is not the `expected` one."""
        self._visible(pk)
        body = SkipSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        schedules.skip_next(pk, request.user, **body.validated_data)
        return self._answer(pk)

    @extend_schema(operation_id="schedules_backfill", request=BackfillSerializer, responses=BackfilledSerializer)
    @idempotent
    def backfill(self, request: Request, pk: UUID) -> Response:
        """Make the jobs of past times that have none. Unless `dry_run` is false, only say which they are.

        A time that has its job already makes no second one, however often you ask.
        """
        schedule = self._visible(pk)
        body = BackfillSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(backfilled(schedule, request.user, **body.validated_data))

    @extend_schema(operation_id="schedules_restore", request=ReasonSerializer, responses=ScheduleSerializer)
    @idempotent
    def restore(self, request: Request, pk: UUID) -> Response:
        """Bring a deleted schedule back; one that is there stays as it is."""
        if not visible_schedules(request.user).filter(pk=pk).exists():
            raise Http404
        schedules.restore(pk, request.user, reason_of(request))
        return self._answer(pk)

    @extend_schema(operation_id="schedules_preview", parameters=[COUNT], responses=SchedulePreviewSerializer)
    def preview(self, request: Request, pk: UUID) -> Response:
        """Give its next times, as if it were active."""
        schedule = self._visible(pk)
        times = schedules.upcoming(schedule, count_of(request))
        return Response(described_times(schedule.schedule_interval, times))

    @extend_schema(operation_id="schedules_try", request=TryIntervalSerializer, responses=SchedulePreviewSerializer)
    def try_out(self, request: Request) -> Response:
        """Check an interval and give its next times; nothing is stored."""
        body = TryIntervalSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        times = schedules.preview(**body.validated_data)
        return Response(described_times(body.validated_data["schedule_interval"], times))

    def _answer(self, pk: UUID, code: int = status.HTTP_200_OK) -> Response:
        schedule = self._visible(pk)
        if schedule.user_id != self.request.user.pk:
            secrets.hide_or_show(self.request, schedule, schedule.job_type)
        return Response(ScheduleSerializer(schedule).data, status=code, headers={"ETag": etag(schedule.version)})

    def _visible(self, pk: UUID) -> Schedule:
        schedule = self.get_queryset().filter(pk=pk, is_deleted=False).first()
        if schedule is None:
            raise Http404
        return schedule
