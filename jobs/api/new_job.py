"""What a client sends to submit a job."""

import re
from typing import Any, Final, cast

from django.core.validators import RegexValidator
from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.fields import Identifier, JsonObject, Moment, Number, Text, WholeNumber
from accounts.models import User, Workspace
from jobs import catalogue, functions, language_rights, options, rates
from jobs.api.calls import UNKNOWN, request_id_of
from jobs.api.links import depends_on_field, linked
from jobs.api.of_job_type import OfJobTypeSerializer
from jobs.api.unique import RULES, UniqueSerializer, check_rules
from jobs.enqueue import NewJob
from jobs.exceptions import UnknownJobType
from jobs.languages import PYTHON, QUEUE_PREFIX
from jobs.options import Options
from jobs.registry import JobType, registry
from jobs.uniqueness import Unique

#: What stands in the body under the name of the option.
_OPTIONS: Final = (
    *("queue", "priority", "scheduled_at", "delay", "max_retries", "timeout", "tags", "metadata"),
    *("unique_key", "concurrency_key", "concurrency_limit", "rate_limit", "expires_at"),
    *("project_name", "hostname", "arch"),
)
_LIMITS: Final = frozenset({"concurrency_limit", "rate_limit"})
_TEXT: Final[dict[str, Any]] = {"required": False, "max_length": options.TEXT_MAX_LENGTH}


class NewJobSerializer(OfJobTypeSerializer):
    """A job to submit. What is left out, its job type decides. `job_type` is another name of `type`."""

    type = Text(max_length=options.TEXT_MAX_LENGTH)
    payload = JsonObject(required=False, default=dict)
    queue = Text(required=False, validators=[RegexValidator(rf"^{options.QUEUE_NAME.pattern}\Z")])
    priority = WholeNumber(required=False, min_value=0, max_value=100, help_text="Larger runs first.")
    scheduled_at = Moment(required=False, help_text="Not before this moment; at most one year ahead.")
    delay = Number(
        required=False, min_value=0, max_value=options.FURTHEST.total_seconds(), help_text="Seconds from now."
    )
    max_retries = WholeNumber(required=False, min_value=0, max_value=options.MAX_RETRIES)
    timeout = Number(
        required=False, min_value=0.001, max_value=options.LONGEST_TIMEOUT, help_text="Seconds that an attempt may run."
    )
    tags = serializers.ListField(
        child=Text(min_length=1, max_length=options.TAG_MAX_LENGTH), required=False, max_length=options.MAX_TAGS
    )
    metadata = JsonObject(required=False, help_text="What you want to keep beside the job; at most 64 KiB.")
    unique_key = Text(
        **_TEXT, min_length=1, help_text="While an unfinished job of yours has it, that job is the answer."
    )
    unique = UniqueSerializer(
        required=False,
        allow_null=True,
        help_text="What makes two jobs the same; null is nothing, whatever the job type says.",
    )
    concurrency_key = Text(
        **_TEXT, min_length=1, help_text="Jobs of one key share its limits; without a limit one of them runs at a time."
    )
    concurrency_limit = WholeNumber(
        required=False,
        min_value=1,
        max_value=options.MOST_AT_ONCE,
        help_text="It starts only while fewer jobs of its key run than this.",
    )
    rate_limit = Text(
        required=False,
        validators=[RegexValidator(rf"{rates.PATTERN[:-1]}\Z")],
        help_text="So many jobs of its key start in any such time: 60/m, or 10/30s; in s, m, h or d.",
    )
    expires_at = Moment(
        required=False, help_text="If it has not started by then, it is cancelled; at most two years ahead."
    )
    project_name = Text(**_TEXT, allow_blank=True)
    hostname = Text(**_TEXT, allow_blank=True)
    arch = Text(**_TEXT, allow_blank=True)
    workspace = Text(
        required=False, min_length=1, max_length=128, help_text="A name that groups jobs; made when it is new."
    )

    depends_on = depends_on_field()
    on_failure = JsonObject(required=False, help_text="A job, as this one, that runs if this one fails for good.")
    parent_id = Identifier(
        required=False, help_text="A job of yours: cancelling that one cancels this one, if it has not started."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "delay" in attrs and "scheduled_at" in attrs:
            raise serializers.ValidationError({"delay": ["Cannot be given together with scheduled_at."]})
        for name in _LIMITS & attrs.keys():
            if "concurrency_key" not in attrs:
                raise serializers.ValidationError({name: ["Needs a concurrency_key."]})
        check_rules(attrs)
        return attrs


def function_asked_for(body: Any) -> str:
    """Name the function that a body asks for, whether or not the rest of it is right; for the request log."""
    name = body.get("type", body.get("job_type")) if isinstance(body, dict) else None
    try:
        return catalogue.function_of_job_type(name).language_title if isinstance(name, str) else UNKNOWN
    except UnknownJobType:
        return UNKNOWN


def new_job(data: dict[str, Any], request: Request, workspaces: dict[str, Workspace]) -> NewJob:
    """Make the domain's value of a checked body; unknown workspaces are made and added to `workspaces`.

    Raises FunctionInactive, LanguageNotAllowed or UnknownDependency.
    """
    user = cast(User, request.user)
    admit(data["type"], user)
    chosen: dict[str, Any] = {name: data[name] for name in _OPTIONS if name in data}
    if name := data.get("workspace"):
        if name not in workspaces:
            workspaces[name] = Workspace.objects.get_or_create(name=name)[0]
        chosen["workspace"] = workspaces[name]
    if "unique" in data:
        chosen["unique"] = None if data["unique"] is None else Unique.of(data["unique"])
    chosen |= linked(data, request, lambda body: read_job(body, request, workspaces))
    chosen |= {"user": user, "request_id": request_id_of(request)}
    return NewJob(data["type"], data["payload"], cast(Options, chosen))


def read_job(body: Any, request: Request, workspaces: dict[str, Workspace]) -> NewJob:
    """Check the body of one job and make its value; raises as new_job does, and ValidationError."""
    return new_job(NewJobSerializer().run_validation(body), request, workspaces)


def admit(job_type: str, user: User) -> None:
    """Raise FunctionInactive or LanguageNotAllowed where the user may not have it run now."""
    try:
        function = catalogue.function_of_job_type(job_type)
    except UnknownJobType:
        # Whoever submits it says so, together with everything else that is wrong.
        return
    function.refuse_inactive()
    language_rights.check(user, function.language)


class NewJobDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describe the payload of each job type that this installation knows, so that clients can be generated."""

    target_class = NewJobSerializer
    # Before the one that all strict serializers have.
    priority = 1

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        general = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        general |= {"additionalProperties": False, "not": {"required": ["delay", "scheduled_at"]}, "allOf": RULES}
        general["dependentRequired"] = {name: ["concurrency_key"] for name in sorted(_LIMITS)}
        return of_each_type(general)


def of_each_type(general: dict[str, Any]) -> dict[str, Any]:
    """Describe a body with `type`, `queue` and `payload` once for each job type."""
    kinds = [_for_type(general, job_type) for job_type in registry.listed()]
    described = {"required": general["required"], "description": general["description"]}
    return {**described, "oneOf": [*kinds, _for_other_languages(general)]}


def _for_type(general: dict[str, Any], job_type: JobType) -> dict[str, Any]:
    # A reference inside of the schema would point to nowhere from here.
    refers = "$ref" in repr(job_type.schema)
    payload = {"type": "object"} if refers else job_type.schema
    queue = {**general["properties"]["queue"], "not": {"pattern": f"^{re.escape(QUEUE_PREFIX)}"}}
    properties = {**general["properties"], "type": {"const": job_type.name}, "payload": payload, "queue": queue}
    needed = ["payload"] if job_type.validator.violations({}) or refers else []
    required = [*general["required"], *needed]
    return {**general, "title": job_type.name, "required": required, "properties": properties}


def _for_other_languages(general: dict[str, Any]) -> dict[str, Any]:
    """Describe functions of other languages by the form of their names: which there are, operators decide."""
    ours: dict[str, Any] = {"anyOf": [{"pattern": f"^{PYTHON}-"}]}
    # Only these could be taken for one.
    if hyphened := [job_type.name for job_type in registry.listed() if "-" in job_type.name]:
        ours["anyOf"].append({"enum": hyphened})
    pattern = f"^{functions.LANGUAGE.pattern}-{functions.TITLE.pattern}$"
    properties = {name: schema for name, schema in general["properties"].items() if name != "queue"}
    properties["type"] = {"type": "string", "pattern": pattern, "maxLength": 128, "not": ours}
    described = {"title": "a function in another language", "description": "Its language decides the queue."}
    return {**general, **described, "properties": properties}
