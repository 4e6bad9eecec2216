"""What the API says of a schedule."""

from typing import Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.fields import JsonObject
from jobs import schedules, timing
from jobs.models import Schedule

_CRON: Final = {
    "title": "cron",
    "type": "object",
    "required": ["type", "expression"],
    "properties": {
        "type": {"const": "cron"},
        "expression": {
            "type": "string",
            "minLength": 1,
            "maxLength": timing.EXPRESSION_MAX_LENGTH,
            "description": "Five fields, six with seconds first, or a word such as `@daily`: `0 9 * * 1-5`.",
        },
        "timezone": {"type": "string", "default": "UTC", "description": "The name of a time zone: `Asia/Tokyo`."},
    },
    "additionalProperties": False,
}
_TIMEDELTA: Final = {
    "title": "timedelta",
    "type": "object",
    "required": ["type", "seconds"],
    "properties": {
        "type": {"const": "timedelta"},
        "seconds": {"type": "number", "minimum": timing.LEAST_SECONDS, "maximum": timing.MOST_SECONDS},
    },
    "additionalProperties": False,
}
_MANUAL: Final = {
    "title": "manual",
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"const": "manual"}},
    "additionalProperties": False,
}


@extend_schema_field({"oneOf": [_CRON, _TIMEDELTA, _MANUAL]})
class Interval(JsonObject):
    """When a schedule's times are; the domain reads it."""


class ScheduleSerializer(serializers.ModelSerializer[Schedule]):
    schedule_id = serializers.UUIDField(source="id", read_only=True)
    type = serializers.CharField(source="job_type", read_only=True)
    schedule_interval = JsonObject(read_only=True)
    timing = serializers.SerializerMethodField(help_text="The interval in words.")
    payload = JsonObject(read_only=True)
    last_job_id = serializers.UUIDField(source="last_job", read_only=True, allow_null=True)
    last_error = serializers.CharField(
        read_only=True, help_text='Why its last time could make no job; "" while all is well.'
    )
    skipped = serializers.IntegerField(
        read_only=True, help_text="Times that made no job, by its rules for misfires and overlaps."
    )
    editable = serializers.BooleanField(
        read_only=True, help_text="Whether people may change it; one that is defined in code need not be."
    )
    user_id = serializers.CharField(source="user.user_id", read_only=True, default=None, allow_null=True)

    class Meta:
        model = Schedule
        fields: tuple[str, ...] = (
            *("schedule_id", "name", "description", "type", "schedule_interval", "timing"),
            *("payload", "queue", "priority", "max_retries", "is_active", "starts_at", "ends_at"),
            *("misfire", "misfire_cap", "overlap"),
            *("next_run_at", "last_run_at", "last_job_id", "skipped", "last_error"),
            *("source", "editable", "user_id", "is_deleted", "created_at", "updated_at", "version"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_timing(self, schedule: Schedule) -> str:
        return schedules.in_words(schedule.schedule_interval)


class ListedScheduleSerializer(ScheduleSerializer):
    """A schedule in a list, without its payload."""

    class Meta(ScheduleSerializer.Meta):
        fields = tuple(name for name in ScheduleSerializer.Meta.fields if name != "payload")
        read_only_fields = fields
