"""What `manage.py check` says of the queue's settings."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from jobs import conf


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
