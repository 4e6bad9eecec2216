"""Jobs as clients see them: submit, list, look at, change, cancel, retry, delete."""

from collections.abc import Callable
from typing import Any, ClassVar, cast
from uuid import UUID

from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.etags import etag, expected_version
from accounts.api.fields import JsonObject, Moment, Text, WholeNumber
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import GenericViewSet
from accounts.models import User
from accounts.roles import STAFF
from jobs import control, options
from jobs.api import described, kept_answers, secrets
from jobs.api.access import ON_JOBS, jobs_even_deleted, visible_jobs
from jobs.api.calls import Call, as_sent, note_call
from jobs.api.job import JobSerializer, ListedJobSerializer, columns_of, describe_job, names_asked_for
from jobs.api.job_filters import JobFilters
from jobs.api.new_job import NewJobSerializer, function_asked_for, new_job
from jobs.api.parameters import StrictFilterBackend
from jobs.api.reasons import ReasonSerializer, reason_of
from jobs.api.time_limit import time_limit
from jobs.api.waiting import ask_to_wait
from jobs.enqueue import enqueue_and_read
from jobs.models import Job
from jobs.models.returned import find_job
from jobs.status_cache import Lease


class JobChangeSerializer(StrictSerializer):
    """What may be changed while the job is pending."""

    schema_rules: ClassVar = {"minProperties": 1}

    priority = WholeNumber(required=False, min_value=0, max_value=100)
    scheduled_at = Moment(required=False)
    queue = Text(
        required=False,
        validators=[RegexValidator(rf"^{options.QUEUE_NAME.pattern}\Z", "Must be the name of a queue.")],
        help_text="Workers of a language take jobs from its own queue: such a job stays there, and others keep out.",
    )
    metadata = JsonObject(required=False, help_text="Replaces what is there.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                "Give at least one of priority, scheduled_at, queue and metadata.", "empty"
            )
        return attrs


@extend_schema(tags=["jobs"])
class JobViewSet(GenericViewSet[Job]):
    """Jobs of the caller; for staff, jobs of everyone."""

    # For the API's description; every request has its own.
    queryset = Job.objects.none()
    permission_classes = ON_JOBS
    serializer_class = JobSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = JobFilters
    other_parameters = ("fields",)
    #: The method that answers a GET, which the route names.
    get: Callable[..., HttpResponseBase]
    #: Whoever got it keeps the answer that it reads.
    lease: Lease | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action == "retrieve" and kept_answers.is_plain(request):
            # Around the transaction: what is kept needs none.
            self.get = kept_answers.look_first(self, self.get)

    def get_queryset(self) -> QuerySet[Job]:
        return visible_jobs(self.request.user)

    @extend_schema(
        operation_id="jobs_list",
        responses={200: ListedJobSerializer(many=True), **described.TOO_BROAD},
        parameters=[described.FIELDS],
        description=(
            "Jobs, newest first. A list leaves out payload, result, metadata and error_history, unless `fields` names "
            "them. A search that has to look at too many jobs is stopped with 422 `query-too-broad`: give it a window "
            "with `created_after` and `created_before`."
        ),
    )
    def list(self, request: Request) -> Response:
        names = names_asked_for(request)
        with time_limit():
            page = self.paginate_queryset(self.filter_queryset(self._narrowed(names)))
            secrets.hide_in_list(request, page or [], names)
        return self.get_paginated_response(ListedJobSerializer(page, many=True, names=names).data)

    @extend_schema(
        operation_id="jobs_create",
        request=NewJobSerializer,
        responses={
            201: OpenApiResponse(JobSerializer, "Submitted. `Location` is where the job is found."),
            200: OpenApiResponse(JobSerializer, "Another job holds the unique key: this one."),
        },
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Submit a job. When the answer arrives the job is stored for good."""
        asked, payload = function_asked_for(request.data), as_sent(request.data, "payload")
        note_call(request, Call(asked, payload))
        new = new_job(NewJobSerializer.checked(request.data), request, {})
        submitted, job = enqueue_and_read(new)
        note_call(request, Call(asked, payload, submitted.id, shared=not submitted.created))
        response = _answer(self._whose(job), status.HTTP_201_CREATED if submitted.created else status.HTTP_200_OK)
        response["Location"] = reverse("job", [job.pk], request=request)
        return response

    @extend_schema(
        operation_id="jobs_retrieve",
        parameters=[*described.WAITING, described.IF_NONE_MATCH, secrets.PARAMETER],
        responses={200: JobSerializer, 304: OpenApiResponse(description="It is as you know it.")},
    )
    def retrieve(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Look at a job, or wait up to 30 seconds for its end; the answer may be an unfinished job then."""
        job = self._visible(pk)
        if request.method == "GET":
            ask_to_wait(request, job)
        response = _answer(job)
        found = get_conditional_response(request, etag=response["ETag"], response=response) or response
        kept_answers.keep(self.lease, job, found)
        return found

    @extend_schema(
        operation_id="jobs_partial_update",
        request=JobChangeSerializer,
        parameters=[described.IF_MATCH],
        responses=JobSerializer,
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change a pending job."""
        version = expected_version(request)
        self._visible(pk)
        body = JobChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self._act(control.change, pk, expected_version=version, **body.validated_data)

    @extend_schema(operation_id="jobs_cancel", request=ReasonSerializer, responses=JobSerializer)
    @idempotent
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Cancel a pending job at once; ask a running one to stop, which its handler may do late or not at all."""
        return self._act(control.cancel, pk, reason=reason_of(request))

    @extend_schema(operation_id="jobs_retry", request=ReasonSerializer, responses=JobSerializer)
    @idempotent
    def retry(self, request: Request, pk: UUID) -> Response:
        """Run a failed or cancelled job again, or a waiting one at once. Dead letters are redriven instead."""
        return self._act(control.retry, pk, reason=reason_of(request))

    @extend_schema(
        operation_id="jobs_destroy", responses={204: OpenApiResponse(description="Deleted."), **described.CONFLICT}
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Hide a job that has ended; a pending one is cancelled first. A running one has to be cancelled before."""
        self._visible(pk)
        control.soft_delete(pk, request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="jobs_restore", request=ReasonSerializer, responses=JobSerializer)
    @idempotent
    def restore(self, request: Request, pk: UUID) -> Response:
        """Show a deleted job again, as it ended; one that is there stays as it is."""
        if not jobs_even_deleted(request.user).filter(pk=pk).exists():
            raise Http404
        control.restore(pk, request.user, reason=reason_of(request))
        return _answer(self._visible(pk))

    def _act(self, act: Callable[..., Job], pk: UUID, **how: Any) -> Response:
        self._visible(pk)
        act(pk, self.request.user, **how)
        return _answer(self._visible(pk))

    def _visible(self, pk: UUID) -> Job:
        user = cast(User, self.request.user)
        job = find_job(pk, None if user.role in STAFF else user.pk)
        if job is None:
            raise Http404
        return self._whose(job)

    def _whose(self, job: Job) -> Job:
        """Let the answer name the caller without asking who that is."""
        user = cast(User, self.request.user)
        if job.user_id == user.pk:
            job.user = user
        else:
            secrets.hide_or_show(self.request, job, job.job_type)
        return job

    def _narrowed(self, names: tuple[str, ...]) -> QuerySet[Job]:
        """Read only the columns that are asked for: payloads of megabytes stay where they are."""
        related = [relation for name, relation in (("user_id", "user"), ("workspace", "workspace")) if name in names]
        jobs = jobs_even_deleted(self.request.user).only(*columns_of(names))
        return jobs.select_related(*related) if related else jobs


def _answer(job: Job, code: int = status.HTTP_200_OK) -> Response:
    return Response(describe_job(job), status=code, headers={"ETag": etag(job.version)})
