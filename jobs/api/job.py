"""What the API says of a job."""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts.api.fields import AnyJson, JsonObject
from jobs.models import Job
from jobs.statuses import Status, WaitsFor

#: A list leaves these out unless `fields` names them: a page of 200 jobs would carry 50 MB.
LARGE: Final = frozenset({"payload", "result", "metadata", "error_history"})


class AttemptErrorSerializer(serializers.Serializer[Any]):
    """One failed attempt. Tracebacks are for operators: they stand with the dead letter."""

    # "class" is no name that Python would take for an attribute.
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            "class": serializers.CharField(help_text="The name of the exception."),
            "message": serializers.CharField(),
            "kind": serializers.CharField(help_text="What it meant: retryable, non_retryable, rate_limit, timeout …"),
            "attempt": serializers.IntegerField(allow_null=True),
            "at": serializers.CharField(allow_null=True),
        }


def describe_error(error: dict[str, Any]) -> dict[str, Any]:
    """Give the public part of an entry of the error history, whoever wrote it."""
    return {
        "class": str(error.get("error_class") or ""),
        "message": str(error.get("message") or ""),
        "kind": str(error.get("kind") or ""),
        "attempt": error.get("attempt") if isinstance(error.get("attempt"), int) else None,
        "at": str(error["at"]) if error.get("at") else None,
    }


class JobSerializer(serializers.ModelSerializer[Job]):
    job_id = serializers.UUIDField(source="id", read_only=True)
    type = serializers.CharField(source="job_type", read_only=True)
    status = serializers.ChoiceField(choices=Status.choices, read_only=True)
    result = AnyJson(read_only=True, help_text="What the handler returned; null until the job is completed.")
    error = serializers.SerializerMethodField(help_text="The last failed attempt; null when none failed.")
    error_history = serializers.SerializerMethodField(help_text="The last 50 failed attempts.")
    payload = JsonObject(read_only=True)
    metadata = JsonObject(read_only=True)
    user_id = serializers.CharField(source="user.user_id", read_only=True, default=None, allow_null=True)
    workspace = serializers.CharField(source="workspace.name", read_only=True, default=None, allow_null=True)
    parent_id = serializers.UUIDField(read_only=True, allow_null=True)
    batch_id = serializers.UUIDField(read_only=True, allow_null=True)
    waits_for = serializers.ChoiceField(
        choices=WaitsFor.choices,
        read_only=True,
        allow_null=True,
        help_text="What a pending job waits for beside its time; null is nothing.",
    )
    expires_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="It is cancelled if it has not started by then."
    )
    schedule_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="The schedule that made it.")
    scheduled_for = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Which of the schedule's times it was made for."
    )

    trace_id = serializers.CharField(
        read_only=True, allow_null=True, help_text="The trace that it was submitted in, where traces are made."
    )

    class Meta:
        model = Job
        fields = (
            *("job_id", "type", "status", "progress", "progress_message", "result", "error"),
            *("priority", "queue", "attempt", "retry_count", "max_retries", "timeout"),
            *("scheduled_at", "started_at", "completed_at", "failed_at", "cancel_requested_at"),
            *("waits_for", "expires_at"),
            *("created_at", "updated_at", "version"),
            *("payload", "metadata", "tags", "unique_key", "unique_until", "error_history"),
            *("concurrency_key", "concurrency_limit", "rate_limit", "schedule_id", "scheduled_for"),
            *("user_id", "workspace", "project_name", "hostname", "arch", "parent_id", "batch_id", "trace_id"),
        )
        read_only_fields = fields

    @extend_schema_field({"oneOf": [{"$ref": "#/components/schemas/AttemptError"}, {"type": "null"}]})
    def get_error(self, job: Job) -> dict[str, Any] | None:
        if job.error_message is None:
            return None
        details = job.error_details if isinstance(job.error_details, dict) else {}
        return describe_error({**details, "message": job.error_message})

    @extend_schema_field(AttemptErrorSerializer(many=True))
    def get_error_history(self, job: Job) -> list[dict[str, Any]]:
        return [describe_error(error) for error in job.error_history if isinstance(error, dict)]


def describe_job(job: Job) -> dict[str, Any]:
    """Give the whole answer for one job; the fields that make it are built once, and not for every answer."""
    return _serializer().to_representation(job)


@cache
def _serializer() -> JobSerializer:
    return JobSerializer()


#: The columns that a field of the answer is made from, where the names differ.
COLUMNS: Final = {
    "job_id": ("id",),
    "type": ("job_type",),
    "error": ("error_message", "error_details"),
    "user_id": ("user", "user__user_id"),
    "workspace": ("workspace", "workspace__name"),
    "trace_id": ("traceparent",),
    # Whose it is, and what its type marks as secret, decide how much of it is told.
    "payload": ("payload", "job_type", "user"),
}
NAMES: Final = JobSerializer.Meta.fields
DEFAULT_NAMES: Final = tuple(name for name in NAMES if name not in LARGE)


class ListedJobSerializer(JobSerializer):
    """A job in a list: only the fields that were asked for."""

    def __init__(self, *args: Any, names: tuple[str, ...] = NAMES, **kwargs: Any) -> None:
        self.names = names
        super().__init__(*args, **kwargs)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = {name: field for name, field in super().get_fields().items() if name in self.names}
        for field in fields.values():
            # Else the description of the API would promise every field in every list.
            field.read_only, field.required = False, False
        return fields


def columns_of(names: tuple[str, ...]) -> list[str]:
    """Name the columns that a list with these fields reads; the id is what pages go by."""
    return ["id", *(column for name in names for column in COLUMNS.get(name, (name,)))]


def describe_listed(jobs: Iterable[Job], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Give these fields of jobs as a list has them; the fields are built once for all lists that have the same."""
    serializer = _listed(names)
    return [serializer.to_representation(job) for job in jobs]


@lru_cache(64)
def _listed(names: tuple[str, ...]) -> ListedJobSerializer:
    return ListedJobSerializer(names=names)


def names_asked_for(request: Request) -> tuple[str, ...]:
    """Read which fields a list is to have; raises ValidationError for one that there is not."""
    text = request.query_params.get("fields")
    if text is None:
        return DEFAULT_NAMES
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ValidationError({"fields": [ErrorDetail(f"There is no field {unknown[0]!r}.", code="unknown-field")]})
    return names
