"""What a schedule is and how it stands, in words."""

from typing import Any

from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.utils.translation import gettext as _

from jobs import schedules
from jobs.admin import display
from jobs.admin.facts import anchor
from jobs.models import Schedule
from jobs.scheduling.catching_up import GRACE


def is_fixed(schedule: Schedule) -> bool:
    """Tell whether only the code may change it."""
    return schedule.source == Schedule.Source.CODE and not schedule.editable


def state_of(schedule: Schedule) -> SafeString:
    """Give its state as a badge."""
    if schedule.is_deleted:
        return display.badge("deleted", _("deleted"))
    if not schedule.is_active:
        return display.badge("paused", _("gone from the code") if schedule.vanished_at else _("paused"))
    if schedule.last_error:
        return display.badge("failing", _("failing"))
    if schedule.next_run_at is not None and schedule.next_run_at < now() - GRACE:
        return display.badge("failing", _("late"))
    ended = schedule.next_run_at is None and schedule.schedule_interval != {"type": "manual"}
    return display.badge("ended", _("no time to come")) if ended else display.badge("active", _("active"))


def facts_of(schedule: Schedule) -> dict[str, Any]:
    """Give what is known of it, by its label."""
    misfire = schedule.get_misfire_display()
    if schedule.misfire == Schedule.Misfire.ALL:
        misfire = _("Run all, at most %(count)s") % {"count": f"{schedule.misfire_cap:,}"}
    return {
        _("Description"): schedule.description,
        _("Job type"): schedule.job_type,
        _("When"): schedules.in_words(schedule.schedule_interval),
        _("Next"): display.exact(schedule.next_run_at),
        _("Last"): display.exact(schedule.last_run_at),
        _("Last job"): anchor("job", schedule.last_job, schedule.last_job) if schedule.last_job else None,
        _("Not before"): display.exact(schedule.starts_at),
        _("Not after"): display.exact(schedule.ends_at),
        _("Missed times"): misfire,
        _("If the job before is not done"): schedule.get_overlap_display(),
        _("Times skipped"): f"{schedule.skipped:,}" if schedule.skipped else None,
        _("Queue"): anchor("queue", schedule.queue, schedule.queue),
        _("Priority"): schedule.priority,
        _("Retries"): schedule.max_retries,
        _("Owner"): schedule.user or _("nobody in particular"),
        _("Defined in"): schedule.get_source_display(),
        _("Changed by hand"): display.exact(schedule.edited_at),
        _("Gone from the code"): display.exact(schedule.vanished_at),
        _("Version"): schedule.version,
        _("Made"): display.exact(schedule.created_at),
    }
