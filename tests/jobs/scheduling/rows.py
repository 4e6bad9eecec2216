"""Schedules for tests, and what time it is for them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from jobs import schedules
from jobs.models import Job, Schedule

DAILY = {"type": "cron", "expression": "0 9 * * *", "timezone": "UTC"}
MINUTELY = {"type": "cron", "expression": "* * * * *"}
HOURLY = {"type": "timedelta", "seconds": 3600}

#: A moment at which the schedules of these tests look at the clock; nobody waits for it.
NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)


def made(user: Any = None, name: str = "tidy", **fields: Any) -> Schedule:
    """Make a schedule of the job type `note`."""
    return schedules.create(user, **{"name": name, "job_type": "note", "schedule_interval": HOURLY, **fields})


def awaiting(schedule: Schedule, moment: datetime) -> Schedule:
    """Let its next time be this one."""
    Schedule.objects.filter(pk=schedule.pk).update(next_run_at=moment)
    schedule.refresh_from_db()
    return schedule


def fired_times(schedule: Schedule) -> list[datetime]:
    """Give the times that have their job, in order."""
    jobs = Job.objects.filter(schedule=schedule, scheduled_for__isnull=False)
    return sorted(jobs.values_list("scheduled_for", flat=True))


def steps(start: datetime, count: int, **step: float) -> list[datetime]:
    return [start + timedelta(**step) * number for number in range(count)]
