"""Schedules that are defined in code, as rows."""

from typing import Any

from jobs import conf
from jobs.exceptions import InvalidSchedule
from jobs.registry import JobType
from jobs.scheduled import Scheduled
from jobs.scheduling import faults


def fields_of(job_type: JobType, scheduled: Scheduled) -> dict[str, Any]:
    """Give what the code says of a schedule; whether it is active is not among it, that is for people to say."""
    retries = conf.max_retries() if job_type.max_retries is None else job_type.max_retries
    return {
        "name": scheduled.name or job_type.name,
        "description": scheduled.description,
        "job_type": job_type.name,
        "schedule_interval": scheduled.schedule_interval,
        "payload": dict(scheduled.payload),
        "queue": job_type.queue if scheduled.queue is None else scheduled.queue,
        "priority": job_type.priority if scheduled.priority is None else scheduled.priority,
        "max_retries": retries if scheduled.max_retries is None else scheduled.max_retries,
        "starts_at": scheduled.starts_at,
        "ends_at": scheduled.ends_at,
        "misfire": scheduled.misfire,
        "misfire_cap": scheduled.misfire_cap,
        "overlap": scheduled.overlap,
    }


def refuse_impossible(job_type: JobType) -> None:
    """Raise TypeError at import for schedules that could not be made."""
    names = [scheduled.name or job_type.name for scheduled in job_type.schedules]
    if len(names) > len(set(names)):
        raise TypeError(f"{job_type.name}: each of its schedules needs a name of its own.")
    for scheduled in job_type.schedules:
        try:
            faults.check(fields_of(job_type, scheduled), job_type)
        except InvalidSchedule as error:
            raise TypeError(f"{job_type.name}: its schedule cannot be like this: {error}") from error
