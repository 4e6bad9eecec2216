from dataclasses import replace
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import schedules
from jobs.admin import display, documents, schedule_backfill, schedule_editor
from jobs.admin.acts import Act
from jobs.admin.facts import anchor
from jobs.admin.filters import DeletedFilter, TypeFilter
from jobs.admin.history import acts_on
from jobs.admin.many import ManyAdmin
from jobs.admin.revealing import RevealingAdmin
from jobs.admin.schedule_acts import ACTS, BACKFILL, EDIT, RUN, SKIP
from jobs.admin.schedule_calendar import calendar, legend
from jobs.admin.schedule_filters import SourceFilter, StateFilter
from jobs.admin.schedule_runs import Run, in_words, latest_runs, strip
from jobs.admin.schedule_state import facts_of, is_fixed, state_of
from jobs.models import Job, Schedule

#: Jobs that the page of a schedule shows.
LATEST: Final = 10
#: Runs in the strip of one page.
OF_ONE: Final = 60


class ScheduleList(ChangeList):
    """The schedules of a page, each with its latest runs."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown: list[Any] = list(self.result_list)
        runs = latest_runs(shown)
        for schedule in shown:
            schedule.runs = runs.get(schedule.pk, [])
        self.result_list: Any = shown


@admin.register(Schedule)
class ScheduleAdmin(RevealingAdmin, ManyAdmin):
    nothing_yet = gettext_lazy("A schedule makes jobs by itself, by the clock or at equal distances. Add one above.")
    add_label = gettext_lazy("Make a schedule")
    list_display = ("name", "job_type", "when", "next_run", "result", "lately", "state", "rules")
    list_display_links = ("name",)
    list_filter = (StateFilter, TypeFilter, SourceFilter, DeletedFilter)
    search_fields = ("name", "description")
    search_help_text = gettext_lazy("In the name or the description.")
    heavy = ("payload",)
    detail_template = "jobs/schedule.html"
    acts = ACTS
    many = ("run", "pause", "resume", "delete", "restore")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", view, name="jobs_schedule_preview"), *super().get_urls()]

    def text_of(self, row: Any, name: str) -> str | None:
        return documents.pretty(row.payload)

    def detail_queryset(self) -> QuerySet[Any]:
        return Schedule.objects.select_related("user")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a schedule."""
        return schedule_editor.edit(self, request, None)

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        if not self.has_act_permission(request):
            raise PermissionDenied
        schedule = self.get_object(request, object_id)
        if schedule is None:
            return self.not_found(request, object_id)
        if act is EDIT:
            return schedule_editor.edit(self, request, schedule)
        if act is BACKFILL:
            return schedule_backfill.ask(self, request, schedule)
        if act is SKIP and schedule.next_run_at is not None:
            told = _("Its time %(time)s makes no job. The one behind it stays as it is.")
            act = replace(act, effect=told % {"time": display.clock(schedule.next_run_at)})
        return super().act_view(request, object_id, act)

    def initial(self, row: Any) -> dict[str, Any]:
        return {"expected": row.next_run_at.isoformat()} if row.next_run_at else {}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ScheduleList

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Give the next times of an interval that is being typed."""
        return schedule_editor.preview_view(self, request)

    def perform(self, request: HttpRequest, act: Act, row: Any, chosen: dict[str, Any]) -> bool:
        done = super().perform(request, act, row, chosen)
        if done and act is RUN:
            row.refresh_from_db(fields=["last_job"])
            messages.info(request, format_html(_("It is {}."), anchor("job", row.last_job, row.last_job)))
        return done

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        runs = latest_runs([obj], OF_ONE).get(obj.pk, [])
        return {
            **super().detail(request, obj),
            "state": state_of(obj),
            "fixed": is_fixed(obj),
            "preview": schedule_editor.preview_of_row(obj),
            "facts": display.facts(facts_of(obj)),
            "documents": [
                (_("Payload"), documents.show(self.text_of(obj, "payload"), obj.job_type)),
                (_("Interval"), documents.show(documents.pretty(obj.schedule_interval))),
            ],
            "latest": list(_latest(obj)),
            "calendar": None if obj.is_deleted else calendar(obj),
            "legend": legend(),
            "runs": runs,
            "strip": strip(runs),
            "runs_in_words": in_words(runs) if runs else "",
            "all_url": f"{reverse('admin:jobs_job_changelist')}?schedule={obj.pk}",
            "history": acts_on(obj.pk),
        }

    @admin.display(description=gettext_lazy("when"))
    def when(self, schedule: Schedule) -> str:
        return schedules.in_words(schedule.schedule_interval)

    @admin.display(description=gettext_lazy("next"))
    def next_run(self, schedule: Schedule) -> SafeString:
        if schedule.next_run_at is None:
            return display.NOTHING
        return format_html(
            '{}<span class="reason">{}</span>',
            display.moment(schedule.next_run_at),
            schedule_editor.local_time(schedule),
        )

    @admin.display(description=gettext_lazy("last"))
    def result(self, schedule: Any) -> SafeString:
        last: Run | None = schedule.runs[-1] if schedule.runs else None
        if last is None:
            return display.moment(schedule.last_run_at)
        return format_html("{} {}", anchor("job", last.job_id, display.badge(last.status)), display.moment(last.at))

    @admin.display(description=gettext_lazy("latest runs"))
    def lately(self, schedule: Any) -> SafeString:
        return strip(schedule.runs)

    @admin.display(description=gettext_lazy("state"))
    def state(self, schedule: Schedule) -> SafeString:
        error = display.short(schedule.last_error, 120)
        told = format_html('<span class="reason"><strong class="loud">{}</strong></span>', error) if error else ""
        return format_html("{}{}", state_of(schedule), told)

    @admin.display(description=gettext_lazy("missed, overlapping"))
    def rules(self, schedule: Schedule) -> str:
        return f"{schedule.get_misfire_display()}. {schedule.get_overlap_display()}."


def _latest(schedule: Schedule) -> QuerySet[Job]:
    jobs = Job.objects.visible().filter(schedule=schedule).order_by("-scheduled_for")
    return jobs.only("id", "status", "scheduled_for", "created_at", "started_at", "completed_at", "failed_at")[:LATEST]
