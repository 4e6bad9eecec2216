"""Submitting many jobs with one request."""

from typing import Any, Final, cast

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
from accounts.models import User, Workspace
from jobs.api.access import ON_JOBS
from jobs.api.new_job import NewJobSerializer, new_job
from jobs.enqueue import Enqueued, NewJob, enqueue_each
from jobs.exceptions import JobError, NoneSubmitted

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
        help_text="`duplicate`: an unfinished job holds the unique key; `id` is that job's.",
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
        with transaction.atomic():
            outcomes = self._submit(body.validated_data["items"], body.validated_data["atomic"])
        return Response({"results": [self._result(index, outcome) for index, outcome in enumerate(outcomes)]})

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

    def _read(self, item: Any, workspaces: dict[str, Workspace]) -> NewJob | ValidationError:
        try:
            return new_job(self._checker.run_validation(item), cast(User, self.request.user), workspaces)
        except ValidationError as error:
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
            for place in self._problem(error)["errors"]
        ]


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
