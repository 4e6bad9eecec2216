"""Submitting many jobs with one request."""

from dataclasses import replace
from typing import Any, Final

from django.db import transaction
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import JsonObject, YesNo
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import APIView
from accounts.models import Workspace
from jobs import catalogue
from jobs.api.access import ON_JOBS
from jobs.api.calls import Call, as_sent, note_calls
from jobs.api.new_job import NewJobSerializer, function_asked_for, new_job
from jobs.enqueue import Enqueued, NewJob, enqueue_each
from jobs.exceptions import FunctionInactive, JobError, LanguageNotAllowed, NoneSubmitted, UnknownDependency

MAX_ITEMS: Final = 1_000


class NewJobsSerializer(StrictSerializer):
    """Up to 1,000 jobs. With `atomic` one bad job keeps all of them out, else only itself."""

    items = serializers.ListField(child=JsonObject(), min_length=1, max_length=MAX_ITEMS)
    atomic = YesNo(required=False, default=False)


class SubmittedSerializer(serializers.Serializer[Any]):
    """What became of one item."""

    index = serializers.IntegerField()
    status = serializers.ChoiceField(
        choices=["created", "duplicate", "rejected"],
        help_text="`duplicate`: another job holds the unique key; `id` is that job's.",
    )
    id = serializers.UUIDField(allow_null=True)
    problem = serializers.DictField(required=False, help_text="Why it was rejected, as a problem of its own.")


class SubmittedJobsSerializer(serializers.Serializer[Any]):
    results = SubmittedSerializer(many=True)


class NoneAccepted(APIException):
    """Some of the items are wrong, and all or nothing was wanted."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "No job was submitted, because some of the items cannot be."
    default_code = "validation"

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__()
        self.members = {"errors": errors}


class BulkJobsView(APIView):
    permission_classes = ON_JOBS

    @extend_schema(
        operation_id="jobs_bulk_create",
        tags=["jobs"],
        request=NewJobsSerializer,
        responses=SubmittedJobsSerializer,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Submit many jobs; each item is like the body of one job, and has an answer of its own."""
        body = NewJobsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        items = body.validated_data["items"]
        calls = self._calls(items)
        note_calls(request, calls)
        with transaction.atomic():
            outcomes = self._submit(items, body.validated_data["atomic"])
        note_calls(request, [_ended(call, outcome) for call, outcome in zip(calls, outcomes, strict=True)])
        return Response({"results": [self._result(index, outcome) for index, outcome in enumerate(outcomes)]})

    def _calls(self, items: list[Any]) -> list[Call]:
        """Say one call for each item, so that the log can tell which of them became what."""
        catalogue.prefetch(name for item in items if isinstance(name := item.get("type", item.get("job_type")), str))
        return [Call(function_asked_for(item), as_sent(item, "payload")) for item in items]

    def _submit(self, items: list[Any], atomic: bool) -> list[Enqueued | Exception]:
        workspaces: dict[str, Workspace] = {}
        read = [self._read(item, workspaces) for item in items]
        errors: dict[int, Exception] = {i: new for i, new in enumerate(read) if isinstance(new, Exception)}
        if atomic and errors:
            raise NoneAccepted(self._places(errors))
        good = [new for new in read if isinstance(new, NewJob)]
        try:
            submitted = iter(enqueue_each(good, all_or_none=atomic))
        except NoneSubmitted as error:
            raise NoneAccepted(self._places(error.errors)) from error
        return [errors.get(index) or next(submitted) for index in range(len(items))]

    def _read(self, item: Any, workspaces: dict[str, Workspace]) -> NewJob | Exception:
        try:
            return new_job(self._checker.run_validation(item), self.request, workspaces)
        except (ValidationError, FunctionInactive, LanguageNotAllowed, UnknownDependency) as error:
            return error

    @property
    def _checker(self) -> NewJobSerializer:
        # One for all items: to make a serializer costs more than to use it.
        if not hasattr(self, "_kept_checker"):
            self._kept_checker = NewJobSerializer()
        return self._kept_checker

    def _result(self, index: int, outcome: Enqueued | Exception) -> dict[str, Any]:
        if isinstance(outcome, Enqueued):
            return {"index": index, "status": "created" if outcome.created else "duplicate", "id": str(outcome.id)}
        return {"index": index, "status": "rejected", "id": None, "problem": self._problem(outcome)}

    def _problem(self, error: Exception) -> dict[str, Any]:
        """Word an item's error exactly as a request for that one job would have been answered."""
        answer = self.get_exception_handler()(error, self.get_exception_handler_context())
        assert answer is not None
        return dict(answer.data)

    def _places(self, errors: dict[int, JobError] | dict[int, Exception]) -> list[dict[str, Any]]:
        return [
            {**place, "pointer": f"#/items/{index}{place['pointer'][1:]}"}
            for index, error in errors.items()
            for place in _places_of(self._problem(error))
        ]


def _places_of(problem: dict[str, Any]) -> list[dict[str, Any]]:
    """Point to the item itself where the problem is none of its members."""
    whole = {"pointer": "#", "code": problem["code"], "detail": problem["detail"]}
    return problem.get("errors") or [whole]


def _ended(call: Call, outcome: Enqueued | Exception) -> Call:
    if isinstance(outcome, Enqueued):
        return replace(call, job_id=outcome.id, shared=not outcome.created)
    return call


class NewJobsDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """With `atomic` every item must be right; without it a wrong one is only its own loss."""

    target_class = NewJobsSerializer
    # Before the one that all strict serializers have.
    priority = 1

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        described = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        item = auto_schema.resolve_serializer(NewJobSerializer, direction).ref

        def variant(title: str, atomic: Any, items: Any, required: list[str]) -> dict[str, Any]:
            listed = {"type": "array", "items": items, "minItems": 1, "maxItems": MAX_ITEMS}
            properties = {"items": listed, "atomic": atomic}
            common = {"type": "object", "additionalProperties": False}
            return {"title": title, **common, "required": required, "properties": properties}

        each = {"anyOf": [item, {"type": "object"}]}
        return {
            "required": ["items"],
            "description": described["description"],
            "oneOf": [
                variant("each by itself", {"const": False, "default": False}, each, ["items"]),
                variant("all or none", {"const": True}, item, ["items", "atomic"]),
            ],
        }
