"""What the page of a job says of it, in words."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin import display
from jobs.admin.facts import anchor
from jobs.models import Job
from jobs.statuses import WaitsFor


def facts(job: Job) -> list[tuple[str, Any]]:
    """Give label and value of everything that is known of the job."""
    return display.facts(
        {
            "Queue": job.queue,
            "Priority": job.priority,
            "Attempts": f"{job.attempt}, {job.retry_count} of {job.max_retries} retries used",
            "Progress": f"{job.progress} % {job.progress_message}" if job.progress or job.progress_message else None,
            "Run time": display.span(job.run_time),
            "Timeout": display.span(job.timeout),
            "Due": display.exact(job.scheduled_at),
            "Waits for": WaitsFor(job.waits_for).label if job.waits_for else None,
            "Expires": _expiry(job),
            "Owner": job.user or job.user_email,
            "Workspace": job.workspace,
            "Project": job.project_name,
            "Host": " ".join(filter(None, [job.hostname, job.arch])),
            "Tags": display.tags(job.tags),
            "Unique key": _unique(job),
            "Concurrency key": _limits(job),
            "Parent": anchor("job", job.parent_id, job.parent_id) if job.parent_id else None,
            "Batch": anchor("batch", job.batch_id, job.batch_id) if job.batch_id else None,
            "Schedule": _schedule(job),
            "Session": anchor("session", job.session, job.session) if job.session else None,
            "Trace": job.trace_id,
            "Version": job.version,
            "Updated": display.exact(job.updated_at),
        }
    )


def _expiry(job: Job) -> SafeString | None:
    """Say by when it has to start; once it has been started it does not expire any more."""
    if job.expires_at is None:
        return None
    return format_html("{}{}", display.exact(job.expires_at), ", if it has not started" if not job.attempt else "")


def _unique(job: Job) -> SafeString | None:
    if not job.unique_key:
        return None
    states = f", while {' or '.join(job.unique_states).replace('_', ' ')}" if job.unique_states is not None else ""
    until = format_html(", until {}", display.exact(job.unique_until)) if job.unique_until else ""
    return format_html("<code>{}</code>{}{}", job.unique_key, states, until)


def _limits(job: Job) -> SafeString | None:
    if not job.concurrency_key:
        return None
    limits = [
        *([f"at most {job.concurrency_limit:,} at once"] if job.concurrency_limit else []),
        *([f"at most {job.rate_limit} started"] if job.rate_limit else []),
    ]
    return format_html("<code>{}</code>{}", job.concurrency_key, "".join(f", {limit}" for limit in limits))


def _schedule(job: Job) -> SafeString | None:
    if job.schedule_id is None:
        return None
    # The schedule may be gone for good; its jobs still say which one it was.
    name = anchor("schedule", job.schedule_id, job.schedule.name if job.schedule else job.schedule_id)
    when = format_html("for {}", display.exact(job.scheduled_for)) if job.scheduled_for else "run by hand"
    return format_html("{}, {}", name, when)
