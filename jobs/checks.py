"""What `manage.py check` says of the queue's settings."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from jobs import conf
from jobs.registry import JobType, registry
from jobs.synchronizing import fits


@register(Tags.compatibility)
def check_times(**kwargs: Any) -> list[CheckMessage]:
    """A lock must outlive several heartbeats, or every hiccup loses it."""
    if conf.lock_duration() >= 3 * conf.heartbeat_interval():
        return []
    return [
        Error(
            "JOB_QUEUE_LOCK_DURATION must be at least three times JOB_QUEUE_HEARTBEAT_INTERVAL.",
            hint=f"They are {conf.lock_duration():g} s and {conf.heartbeat_interval():g} s.",
            id="jobs.E001",
        )
    ]


@register(Tags.security, deploy=True)
def check_crash_point(**kwargs: Any) -> list[CheckMessage]:
    """No process of a real site is to kill itself."""
    if not conf.crash_point():
        return []
    return [
        Error(
            f"EKIDEN_CRASH_POINT is set to {conf.crash_point()!r}: the process kills itself there.",
            hint="It is for tests only; take it out of the environment.",
            id="jobs.E003",
        )
    ]


@register(Tags.compatibility)
def check_functions(**kwargs: Any) -> list[CheckMessage]:
    """The catalogue shows examples to be copied, so each has to be accepted."""
    listed = registry.listed()
    unfit = [
        Warning(
            f"The job type {job_type.name!r} is not in the catalogue of functions: its name is too long.",
            id="jobs.W001",
        )
        for job_type in listed
        if not fits(job_type)
    ]
    return [*(error for job_type in listed for error in _wrong_examples(job_type)), *unfit]


def _wrong_examples(job_type: JobType) -> list[CheckMessage]:
    return [
        Error(
            f"Example {number} of the job type {job_type.name!r} does not fit its schema: "
            f"{violation.pointer or 'the payload'} {violation.detail}.",
            id="jobs.E002",
        )
        for number, example in enumerate(job_type.examples, start=1)
        for violation in job_type.validator.violations(example)
    ]
