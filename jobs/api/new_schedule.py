"""What a client sends to make or change a schedule."""

from typing import Any, ClassVar, Final

from django.core.validators import RegexValidator
from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from accounts.api.fields import JsonObject, Moment, Text, WholeNumber, YesNo
from jobs import options
from jobs.api.new_job import of_each_type
from jobs.api.of_job_type import OfJobTypeSerializer
from jobs.api.schedule import Interval
from jobs.models import Schedule
from jobs.schedules import CAP_MOST, DESCRIPTION_MAX_LENGTH, NAME_MAX_LENGTH

_OPTIONAL: Final[dict[str, Any]] = {"required": False}
_NAME: Final[dict[str, Any]] = {
    "min_length": 1,
    "max_length": NAME_MAX_LENGTH,
    # Not \S: Python's is narrower than that of JSON Schema.
    "validators": [RegexValidator(r"[^\s\x1c-\x1f\x85\ufeff]", "Must not be blank.")],
    "help_text": "An owner has one schedule of a name.",
}


class OneOf(serializers.ChoiceField):
    """One of some words, and no number that looks like one."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class ScheduleFieldsSerializer(OfJobTypeSerializer):
    """What may be said of a schedule. `job_type` is another name of `type`."""

    description = Text(**_OPTIONAL, allow_blank=True, max_length=DESCRIPTION_MAX_LENGTH)
    payload = JsonObject(**_OPTIONAL, help_text="Of each of its jobs.")
    queue = Text(**_OPTIONAL, validators=[RegexValidator(rf"^{options.QUEUE_NAME.pattern}\Z")])
    priority = WholeNumber(**_OPTIONAL, min_value=0, max_value=100, help_text="Larger runs first.")
    max_retries = WholeNumber(**_OPTIONAL, min_value=0, max_value=options.MAX_RETRIES)
    is_active = YesNo(**_OPTIONAL, help_text="Whether its times make jobs.")
    starts_at = Moment(**_OPTIONAL, allow_null=True, help_text="No time before this moment makes a job.")
    ends_at = Moment(**_OPTIONAL, allow_null=True, help_text="Nor one after this moment.")
    misfire = OneOf(
        choices=Schedule.Misfire.choices, **_OPTIONAL, help_text="Of times that passed while nobody was there to fire."
    )
    misfire_cap = WholeNumber(
        **_OPTIONAL, min_value=1, max_value=CAP_MOST, help_text="How many of them at most, with `all`."
    )
    overlap = OneOf(
        choices=Schedule.Overlap.choices, **_OPTIONAL, help_text="Of times at which the job before is not done yet."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "type" in attrs:
            attrs["job_type"] = attrs.pop("type")
        return attrs


class NewScheduleSerializer(ScheduleFieldsSerializer):
    """A schedule to make. Queue, priority and retries are those of its job type, unless you say otherwise."""

    name = Text(**_NAME)
    type = Text(max_length=options.TEXT_MAX_LENGTH)
    schedule_interval = Interval()


class ScheduleChangeSerializer(ScheduleFieldsSerializer):
    """What is to change; the past is never fired, whatever its times become."""

    schema_rules: ClassVar = {"minProperties": 1}

    name = Text(**_OPTIONAL, **_NAME)
    type = Text(**_OPTIONAL, max_length=options.TEXT_MAX_LENGTH)
    schedule_interval = Interval(**_OPTIONAL)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Give at least one field.", "empty")
        return super().validate(attrs)


class NewScheduleDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describe the payload of each job type, as where jobs are submitted."""

    target_class = NewScheduleSerializer
    priority = 1

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        general = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return of_each_type(general | {"additionalProperties": False})
