"""What a new job waits for, what follows it and whose child it is, as clients say it."""

from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError as InvalidValue
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.fields import Identifier
from jobs import options
from jobs.api.access import visible_jobs
from jobs.drafts import After, Condition
from jobs.enqueue import NewJob
from jobs.exceptions import UnknownDependency

T = TypeVar("T")

_ID: Final = {"type": "string", "format": "uuid"}
#: How another job has to end, as the API's description has it.
CONDITION: Final = {"type": "string", "enum": Condition.values, "default": Condition.COMPLETED.value}
_CONDITIONAL: Final = {
    "type": "object",
    "properties": {"job_id": _ID, "condition": CONDITION},
    "required": ["job_id"],
    "additionalProperties": False,
}


@extend_schema_field({"oneOf": [_ID, _CONDITIONAL]})
class DependencyField(serializers.Field[Any, Any, Any, Any]):
    """An id, or an object with a condition."""

    default_error_messages = {
        "form": "Must be the id of a job, or an object with its job_id and a condition.",
        "condition": f"The condition must be one of {', '.join(Condition.values)}.",
    }

    def to_internal_value(self, data: Any) -> After:
        asked = data if isinstance(data, dict) else {"job_id": data}
        if asked.keys() - {"job_id", "condition"}:
            self.fail("form")
        condition = asked.get("condition", Condition.COMPLETED.value)
        if condition not in Condition.values:
            self.fail("condition")
        try:
            return After(Identifier().to_internal_value(asked.get("job_id")), condition)
        except (serializers.ValidationError, InvalidValue):
            self.fail("form")


def depends_on_field() -> serializers.ListField:
    return serializers.ListField(
        child=DependencyField(),
        required=False,
        max_length=options.MAX_DEPENDENCIES,
        help_text="Jobs of yours that it waits for: all must be completed, or end as their conditions say.",
    )


def linked(data: dict[str, Any], request: Request, nested: Callable[[Any], NewJob]) -> dict[str, Any]:
    """Give the options of a checked body; raises UnknownDependency for jobs that the caller cannot see."""
    chosen: dict[str, Any] = {}
    if data.get("depends_on"):
        _refuse_unseen({after.job for after in data["depends_on"]}, "depends_on", request)
        chosen["depends_on"] = data["depends_on"]
    if parent := data.get("parent_id"):
        _refuse_unseen({parent}, "parent", request)
        chosen["parent"] = parent
    if "on_failure" in data:
        chosen["on_failure"] = nested_in("on_failure", data["on_failure"], nested)
    return chosen


def nested_in(name: str, body: Any, read: Callable[[Any], T]) -> T:
    """Read a job inside of a body; what is wrong with it is told below its name."""
    try:
        return read(body)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({name: error.detail}) from error


def _refuse_unseen(ids: set[UUID], option: str, request: Request) -> None:
    seen = visible_jobs(request.user).filter(pk__in=ids).order_by().values_list("pk", flat=True)
    if missing := ids - set(seen):
        raise UnknownDependency(min(missing), option)
