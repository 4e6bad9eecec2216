"""The columns of the list of jobs, and which of them somebody has chosen."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import display, highlights
from jobs.admin.box import reading_of
from jobs.models import Job
from jobs.statuses import WaitsFor

#: Where the session keeps what was chosen last.
KEPT: Final = "job_columns"
PARAMETER: Final = "columns"
RESET: Final = "usual"

USUAL: Final = ("type", "state", "queue", "attempts", "created", "tag_list", "owner", "problem")
ALL: Final = {
    "type": gettext_lazy("Type"),
    "state": gettext_lazy("Status"),
    "progress_bar": gettext_lazy("Progress"),
    "queue": gettext_lazy("Queue"),
    "priority": gettext_lazy("Priority"),
    "attempts": gettext_lazy("Attempts"),
    "created": gettext_lazy("Created"),
    "due": gettext_lazy("Due"),
    "started": gettext_lazy("Started"),
    "ended": gettext_lazy("Ended"),
    "took": gettext_lazy("Run time"),
    "tag_list": gettext_lazy("Tags"),
    "owner": gettext_lazy("Owner"),
    "project_name": gettext_lazy("Project"),
    "host": gettext_lazy("Host"),
    "problem": gettext_lazy("Last error"),
}


def chosen(request: HttpRequest) -> list[str]:
    """Give the columns that the address names, else those that were chosen last, else the usual ones.

    What an address names is kept for this person's session; the word "usual" goes back to the usual ones.
    """
    asked = request.GET.getlist(PARAMETER)
    if asked:
        kept = [name for name in ALL if name in asked]
        if request.session.get(KEPT) != (kept or None):
            request.session[KEPT] = kept or None
    shown = request.session.get(KEPT) or USUAL
    return [name for name in ALL if name in shown]


class JobColumns:
    """What each column shows of a job."""

    def shown_columns(self, request: HttpRequest) -> Sequence[str]:
        """Give the columns of this list; of a query the last one says where it was found."""
        names = chosen(request)
        if reading_of(request).tree:
            names = [*(name for name in names if name != "problem"), "found"]
        return ("key", *names)

    @admin.display(description=gettext_lazy("id"))
    def key(self, job: Job) -> SafeString:
        return display.key(job.pk)

    @admin.display(description=gettext_lazy("type"))
    def type(self, job: Job) -> str:
        return job.job_type

    @admin.display(description=gettext_lazy("status"))
    def state(self, job: Job) -> SafeString:
        badge = display.badge(job.status, job.get_status_display())
        waits = job.waits_for and _("for {what}").format(what=str(WaitsFor(job.waits_for).label).lower())
        return format_html('{} <span class="quiet">{}</span>', badge, waits) if waits else badge

    @admin.display(description=gettext_lazy("progress"))
    def progress_bar(self, job: Job) -> SafeString:
        if not job.progress:
            return display.NOTHING
        return format_html('<progress max="100" value="{0}">{0} %</progress> {0} %', job.progress)

    @admin.display(description=gettext_lazy("attempts"))
    def attempts(self, job: Job) -> str:
        return f"{job.attempt} / {job.max_retries + 1}"

    @admin.display(description=gettext_lazy("created"))
    def created(self, job: Job) -> SafeString:
        return display.moment(job.created_at)

    @admin.display(description=gettext_lazy("due"))
    def due(self, job: Job) -> SafeString:
        return display.moment(job.scheduled_at)

    @admin.display(description=gettext_lazy("started"))
    def started(self, job: Job) -> SafeString:
        return display.moment(job.started_at)

    @admin.display(description=gettext_lazy("ended"))
    def ended(self, job: Job) -> SafeString:
        return display.moment(job.completed_at or job.failed_at)

    @admin.display(description=gettext_lazy("run time"))
    def took(self, job: Job) -> str:
        return display.span(job.run_time)

    @admin.display(description=gettext_lazy("tags"))
    def tag_list(self, job: Job) -> SafeString:
        return display.tags(job.tags)

    @admin.display(description=gettext_lazy("owner"))
    def owner(self, job: Job) -> str:
        return str(job.user) if job.user else job.user_email

    @admin.display(description=gettext_lazy("host"))
    def host(self, job: Job) -> str:
        return " ".join(filter(None, [job.hostname, job.arch]))

    @admin.display(description=gettext_lazy("found in"))
    def found(self, job: Any) -> SafeString | str:
        return highlights.shown(job.highlights) or self.problem(job)

    @admin.display(description=gettext_lazy("last error"))
    def problem(self, job: Any) -> str:
        return display.short(job.error_head, 80)
