"""What the page of a job says of it, in words."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin import display
from jobs.admin.facts import anchor
from jobs.models import Job
from jobs.statuses import Status, WaitsFor


def facts(job: Job) -> list[tuple[str, Any]]:
    """Give label and value of everything that is known of the job."""
    return display.facts(
        {
            _("Queue"): anchor("queue", job.queue, job.queue),
            _("Priority"): job.priority,
            _("Attempts"): _("{attempts}, {used} of {most} retries used").format(
                attempts=job.attempt, used=job.retry_count, most=job.max_retries
            ),
            _("Progress"): f"{job.progress} % {job.progress_message}" if job.progress or job.progress_message else None,
            _("Submitted"): display.exact(job.created_at),
            _("Due"): display.exact(job.scheduled_at),
            _("Started"): display.exact(job.started_at) if job.started_at else None,
            _("Ended"): display.exact(job.completed_at or job.failed_at) if job.completed_at or job.failed_at else None,
            _("Run time"): display.span(job.run_time),
            _("Timeout"): display.span(job.timeout),
            _("Waits for"): WaitsFor(job.waits_for).label if job.waits_for else None,
            _("Expires"): _expiry(job),
            _("Owner"): job.user or job.user_email,
            _("Workspace"): job.workspace,
            _("Project"): job.project_name,
            _("Host"): " ".join(filter(None, [job.hostname, job.arch])),
            _("Tags"): display.tags(job.tags),
            _("Unique key"): _unique(job),
            _("Concurrency key"): _limits(job),
            _("Parent"): anchor("job", job.parent_id, job.parent_id) if job.parent_id else None,
            _("Batch"): anchor("batch", job.batch_id, job.batch_id) if job.batch_id else None,
            _("Schedule"): _schedule(job),
            _("Session"): anchor("session", job.session, job.session) if job.session else None,
            _("Trace"): job.trace_id,
            _("Version"): job.version,
            _("Updated"): display.exact(job.updated_at),
        }
    )


def _expiry(job: Job) -> SafeString | None:
    """Say by when it has to start; once it has been started it does not expire any more."""
    if job.expires_at is None:
        return None
    return format_html("{}{}", display.exact(job.expires_at), _(", if it has not started") if not job.attempt else "")


def _unique(job: Job) -> SafeString | None:
    if not job.unique_key:
        return None
    states = ""
    if job.unique_states is not None:
        names = _(" or ").join(str(Status(state).label).lower() for state in job.unique_states)
        states = _(", while {states}").format(states=names)
    until = format_html(_(", until {}"), display.exact(job.unique_until)) if job.unique_until else ""
    return format_html("<code>{}</code>{}{}", job.unique_key, states, until)


def _limits(job: Job) -> SafeString | None:
    if not job.concurrency_key:
        return None
    most, rate = job.concurrency_limit, job.rate_limit
    limits = [
        *([_("at most {most} at once").format(most=f"{most:,}")] if most else []),
        *([_("at most {rate} started").format(rate=rate)] if rate else []),
    ]
    return format_html("<code>{}</code>{}", job.concurrency_key, "".join(f", {limit}" for limit in limits))


def _schedule(job: Job) -> SafeString | None:
    if job.schedule_id is None:
        return None
    # The schedule may be gone for good; its jobs still say which one it was.
    name = anchor("schedule", job.schedule_id, job.schedule.name if job.schedule else job.schedule_id)
    if not job.scheduled_for:
        return format_html("{}, {}", name, _("run by hand"))
    return format_html(_("{schedule}, for {time}"), schedule=name, time=display.exact(job.scheduled_for))
