"""Calling a function: parameters are checked, a job submitted, and its result waited for or found in the cache."""

from typing import Any, Final, cast
from uuid import UUID

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.fields import AnyJson, JsonObject, Number, WholeNumber
from accounts.api.idempotency import PARAMETER, idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import APIView
from accounts.models import User
from jobs import catalogue, language_rights, options, result_cache
from jobs.api import described
from jobs.api.access import ON_JOBS, visible_jobs
from jobs.api.calls import UNKNOWN, Call, as_sent, note_call, request_id_of
from jobs.api.job import JobSerializer
from jobs.api.parameters import refuse_unread
from jobs.api.waiting import ask_to_wait_for
from jobs.catalogue import Entry
from jobs.enqueue import Enqueued, enqueue
from jobs.exceptions import InvalidPayload, UnknownFunction
from jobs.models import Job
from jobs.options import Options
from jobs.statuses import SETTLED, Status

#: Our name in Cache-Status (RFC 9211).
CACHE: Final = "ekiden"


class InvocationSerializer(StrictSerializer):
    """A call of a function. What is left out, the function decides."""

    params = JsonObject(required=False, default=dict, help_text="What the function's schema asks for.")
    priority = WholeNumber(required=False, min_value=0, max_value=100, help_text="Larger runs first.")
    timeout = Number(
        required=False, min_value=0.001, max_value=options.LONGEST_TIMEOUT, help_text="Seconds that an attempt may run."
    )
    metadata = JsonObject(required=False, help_text="What you want to keep beside the job; at most 64 KiB.")


class InvokedSerializer(serializers.Serializer[Any]):
    """What became of a call so far."""

    job_id = serializers.UUIDField(allow_null=True, help_text="The job that does it; null when no job was needed.")
    status = serializers.ChoiceField(choices=Status.choices)
    result = AnyJson(help_text="What the function returned; null until it has completed.")
    cached = serializers.BooleanField(help_text="Whether an earlier call of the same parameters had this result.")


class FunctionFailed(APIException):
    """The function's job ended without a result."""

    status_code = status.HTTP_502_BAD_GATEWAY
    default_code = "function-failed"

    def __init__(self, job: Job) -> None:
        super().__init__(f"The function ended without a result: its job is {job.status}.")
        self.members = {"job_id": str(job.pk), "job_status": job.status, "error": JobSerializer().get_error(job)}


class InvokeView(APIView):
    permission_classes = ON_JOBS

    @extend_schema(
        operation_id="functions_invoke",
        tags=["functions"],
        request=InvocationSerializer,
        parameters=[*described.WAITING, PARAMETER],
        responses={
            200: OpenApiResponse(InvokedSerializer, "It has completed, now or in an earlier call."),
            202: OpenApiResponse(InvokedSerializer, "Not yet. `Location` is where the job is found."),
            **described.FUNCTION_FAILED,
        },
    )
    def post(self, request: Request, language_title: str) -> Response:
        """Call a function: 202 with its job, or with `wait` its result, if it comes within so many seconds.

        A function with a cache time answers the same parameters again without a job, and calls that you make at the
        same time with the same parameters share one.
        """
        refuse_unread(request, {"wait"})
        response = self._call(request, language_title)
        if response.status_code == status.HTTP_202_ACCEPTED:
            # Also where the answer is an earlier one's, replayed.
            ask_to_wait_for(request, UUID(response.data["job_id"]))
        return response

    @idempotent
    def _call(self, request: Request, language_title: str) -> Response:
        function = self._function(request, language_title)
        body = InvocationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        chosen: dict[str, Any] = {**body.validated_data, "user": request.user}
        params = chosen.pop("params")
        if violations := function.validator.violations(params):
            raise InvalidPayload(violations, "params")
        chosen["request_id"] = request_id_of(request)
        try:
            return _answer(request, function, *_submit(function, params, cast(Options, chosen)))
        except InvalidPayload as error:
            raise InvalidPayload(error.violations, "params") from error

    def _function(self, request: Request, language_title: str) -> Entry:
        params = as_sent(request.data, "params")
        try:
            function = catalogue.function_of(language_title)
            if function.language_title != language_title:
                raise UnknownFunction(language_title)
        except UnknownFunction:
            note_call(request, Call(UNKNOWN, params))
            raise
        note_call(request, Call(language_title, params))
        function.refuse_inactive()
        language_rights.check(cast(User, request.user), function.language)
        return function


class InvokedView(APIView):
    """The second look of a call that waited; the first one has paid for it."""

    permission_classes = ON_JOBS
    throttle_classes = ()

    def post(self, request: Request, **address: str) -> Response:
        job = visible_jobs(request.user).filter(pk=request._request.wait.job_id).first()  # type: ignore[attr-defined]
        if job is None:
            raise Http404
        if job.status == Status.COMPLETED:
            return Response(_describe(job.pk, job.status, job.result))
        if job.status in SETTLED:
            raise FunctionFailed(job)
        return accepted(request, job.pk, job.status)


def _submit(
    function: Entry, params: dict[str, Any], chosen: Options
) -> tuple[Enqueued | None, result_cache.Kept | None]:
    """Find the result or submit the job for it; calls of one user with the same parameters share a job."""
    if not function.cache_seconds:
        return enqueue(function.name, params, **chosen), None
    name, version = function.language_title, function.version
    if kept := result_cache.find(name, version, params):
        return None, kept
    chosen["unique_key"] = f"invoke {result_cache.digest(name, version, params)}"
    with transaction.atomic():
        submitted = enqueue(function.name, params, **chosen)
        # The job that held the key may have ended between the two looks; then its result is there by now.
        kept = result_cache.find(name, version, params) if submitted.created else None
        if kept:
            transaction.set_rollback(True)
            return None, kept
    return submitted, None


def _answer(
    request: Request,
    function: Entry,
    submitted: Enqueued | None,
    kept: result_cache.Kept | None,
) -> Response:
    noted = as_sent(request.data, "params")
    if submitted is None:
        assert kept is not None
        note_call(request, Call(function.language_title, noted, cached=True))
        headers = {"Cache-Status": f"{CACHE}; hit; ttl={kept.ttl}"}
        return Response(_describe(None, Status.COMPLETED, kept.result, cached=True), headers=headers)
    note_call(request, Call(function.language_title, noted, submitted.id, shared=not submitted.created))
    response = accepted(request, submitted.id, Status.PENDING if submitted.created else submitted.fetch().status)
    if function.cache_seconds:
        response["Cache-Status"] = f"{CACHE}; fwd=miss{'' if submitted.created else '; collapsed'}"
    return response


def accepted(request: Request, job_id: UUID, state: str = Status.PENDING) -> Response:
    """Answer that a job does the work, and where it is found."""
    location = reverse("job", [job_id], request=request)
    return Response(_describe(job_id, state), status=status.HTTP_202_ACCEPTED, headers={"Location": location})


def _describe(job_id: UUID | None, state: str, result: Any = None, *, cached: bool = False) -> dict[str, Any]:
    return {"job_id": None if job_id is None else str(job_id), "status": state, "result": result, "cached": cached}
