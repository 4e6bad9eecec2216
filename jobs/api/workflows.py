"""Submitting a workflow: steps by name, and which runs after which."""

from typing import Any, Final, cast

from django.db import transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.fields import JsonObject, Text
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import APIView
from accounts.models import User, Workspace
from jobs import workflows
from jobs.api.access import ON_JOBS, visible_batches
from jobs.api.batches import NAME, BatchSerializer
from jobs.api.links import CONDITION, nested_in
from jobs.api.new_job import read_job
from jobs.drafts import After, Condition
from jobs.workflows import MOST_EDGES, MOST_STEPS, STEP_NAME, Step, enqueue_workflow

_STEP: Final = {"type": "string", "pattern": f"^{STEP_NAME.pattern}$"}
_CONDITIONAL: Final = {
    "type": "object",
    "properties": {"step": _STEP, "condition": CONDITION},
    "required": ["step"],
    "additionalProperties": False,
}
_STEPS: Final = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": MOST_STEPS,
    "propertyNames": {"pattern": f"^{STEP_NAME.pattern}$"},
    "additionalProperties": {
        "type": "object",
        "description": "Like the body of one job, without a unique_key; `depends_on` and `on_failure` name steps.",
        "properties": {
            "type": {"type": "string"},
            "depends_on": {"type": "array", "items": {"oneOf": [_STEP, _CONDITIONAL]}, "maxItems": MOST_EDGES},
            "on_failure": _STEP,
        },
        "required": ["type"],
    },
}


@extend_schema_field(_STEPS)
class Steps(JsonObject):
    """Steps by their names."""


class NewWorkflowSerializer(StrictSerializer):
    """Steps that run after each other; names that are no steps, and circles, are refused."""

    name = Text(**NAME)
    steps = Steps()
    metadata = JsonObject(required=False, default=dict, help_text="What you want to keep beside it; at most 64 KiB.")


class WorkflowsView(APIView):
    permission_classes = ON_JOBS

    @extend_schema(
        operation_id="workflows_create",
        tags=["batches"],
        request=NewWorkflowSerializer,
        responses={201: OpenApiResponse(BatchSerializer, "Submitted. `Location` is where its batch is found.")},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Submit a workflow, all of its steps or none."""
        body = NewWorkflowSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        if len(data["steps"]) > MOST_STEPS:
            raise serializers.ValidationError({"steps": [f"Must be at most {MOST_STEPS:,} steps."]})
        workspaces: dict[str, Workspace] = {}
        with transaction.atomic():
            steps = {name: self._step(name, step, workspaces) for name, step in data["steps"].items()}
            user = cast(User, request.user)
            submitted = enqueue_workflow(steps, name=data["name"], metadata=data["metadata"], user=user)
            batch = visible_batches(request.user).select_related("user").get(pk=submitted.id)
            answer = BatchSerializer(batch).data
        location = {"Location": reverse("batch", [batch.pk], request=request)}
        return Response(answer, status=status.HTTP_201_CREATED, headers=location)

    def _step(self, name: str, body: Any, workspaces: dict[str, Workspace]) -> workflows.Step:
        def read(body: Any) -> Step:
            if not isinstance(body, dict):
                raise serializers.ValidationError(["Must be an object."])
            rest = {key: value for key, value in body.items() if key not in ("depends_on", "on_failure")}
            job = read_job(rest, self.request, workspaces)
            return Step(job, _depends_on(body.get("depends_on", [])), _on_failure(body.get("on_failure")))

        return nested_in("steps", body, lambda body: nested_in(name, body, read))


def _depends_on(given: Any) -> list[str | After]:
    if not isinstance(given, list) or len(given) > MOST_EDGES:
        raise serializers.ValidationError({"depends_on": ["Must be a list of names of steps."]})
    return [_dependency(each) for each in given]


def _dependency(given: Any) -> str | After:
    asked = given if isinstance(given, dict) else {"step": given}
    name, condition = asked.get("step"), asked.get("condition", Condition.COMPLETED.value)
    if asked.keys() - {"step", "condition"} or not isinstance(name, str) or not isinstance(condition, str):
        raise serializers.ValidationError({"depends_on": ["Names a step, or is an object with step and condition."]})
    return After(name, condition)


def _on_failure(given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise serializers.ValidationError({"on_failure": ["Must be the name of a step."]})
    return given
