"""Leaving the next time of a schedule out, and making up for those of the past."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from accounts.api.fields import Moment, Text, YesNo
from accounts.api.strict import StrictSerializer
from jobs import schedules
from jobs.api.reasons import REASON_MAX_LENGTH
from jobs.models import Schedule
from jobs.scheduling import backfilling


class SkipSerializer(StrictSerializer):
    """Which time is meant, and why."""

    reason = Text(required=False, default="", allow_blank=True, max_length=REASON_MAX_LENGTH)
    expected = Moment(required=False, help_text="The next time that you have seen; another one is not skipped.")


class BackfillSerializer(StrictSerializer):
    """A range of the past, both ends included."""

    since = Moment(help_text="Not before the year 2000.")
    until = Moment(help_text=f"Not ahead; between the two lie at most {backfilling.MOST:,} times.")
    dry_run = YesNo(required=False, default=True, help_text="Whether nothing is made.")
    reason = Text(required=False, default="", allow_blank=True, max_length=REASON_MAX_LENGTH)


class BackfilledTimeSerializer(serializers.Serializer[Any]):
    time = serializers.DateTimeField()
    job_id = serializers.UUIDField(allow_null=True, help_text="The job that was made for it now; null is none.")


class BackfilledSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    times = serializers.IntegerField(help_text="How many times lie in the range.")
    missing = serializers.IntegerField(help_text="How many of them had no job.")
    made = serializers.IntegerField(help_text="How many jobs were made.")
    data = BackfilledTimeSerializer(many=True, help_text="Those that had no job.")  # type: ignore[assignment]


def backfilled(
    schedule: Schedule, actor: Any, *, since: datetime, until: datetime, dry_run: bool, reason: str
) -> dict[str, Any]:
    """Look at the times of the range, or make their jobs, and describe them."""
    seen = backfilling.look(schedule, since, until)
    jobs = {} if dry_run else schedules.backfill(schedule.pk, actor, since, until, reason).jobs
    body = {
        "dry_run": dry_run,
        "times": len(seen.times),
        "missing": len(seen.missing),
        "made": len(jobs),
        "data": [{"time": moment, "job_id": jobs.get(moment)} for moment in seen.missing],
    }
    described: dict[str, Any] = BackfilledSerializer(body).data  # type: ignore[assignment]
    return dict(described)
