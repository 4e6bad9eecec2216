"""The times that an interval means, before anybody relies on them."""

from datetime import UTC, datetime
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts.api.fields import JsonObject, Moment, WholeNumber
from accounts.api.strict import StrictSerializer
from jobs import timing
from jobs.api.parameters import refuse_unread
from jobs.api.schedule import Interval

TIMES: Final = 10
MOST_TIMES: Final = 100

COUNT: Final = OpenApiParameter(
    "count",
    {"type": "integer", "minimum": 1, "maximum": MOST_TIMES, "default": TIMES},
    description="How many times.",
)


class TryIntervalSerializer(StrictSerializer):
    """An interval to look at; nothing is stored."""

    schedule_interval = Interval()
    starts_at = Moment(required=False, allow_null=True)
    ends_at = Moment(required=False, allow_null=True)
    count = WholeNumber(required=False, default=TIMES, min_value=1, max_value=MOST_TIMES)


class ScheduleTimeSerializer(serializers.Serializer[Any]):
    utc = serializers.DateTimeField()
    local = serializers.CharField(help_text="The same moment as the clocks of the time zone show it.")


class SchedulePreviewSerializer(serializers.Serializer[Any]):
    schedule_interval = JsonObject()
    timing = serializers.CharField(help_text="The interval in words.")
    timezone = serializers.CharField(help_text="UTC, unless a cron expression has another one.")
    times = ScheduleTimeSerializer(many=True, help_text="None, if it is manual or has ended.")


def count_of(request: Request) -> int:
    refuse_unread(request, {"count"})
    text = request.query_params.get("count", str(TIMES))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST_TIMES):
        raise ValidationError({"count": [ErrorDetail(f"Must be a whole number from 1 to {MOST_TIMES}.", "invalid")]})
    return int(text)


def described_times(schedule_interval: dict[str, Any], times: list[datetime]) -> dict[str, Any]:
    """Answer with the times of an interval that can be read."""
    when = timing.parse(schedule_interval)
    zone = when.zone if isinstance(when, timing.Cron) else UTC
    body = {
        "schedule_interval": schedule_interval,
        "timing": when.describe(),
        "timezone": str(zone),
        "times": [{"utc": moment, "local": moment.astimezone(zone).isoformat()} for moment in times],
    }
    return dict(SchedulePreviewSerializer(body).data)
