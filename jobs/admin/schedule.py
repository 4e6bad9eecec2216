from functools import partial
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import schedules
from jobs.admin import display, documents, schedule_editor
from jobs.admin.acts import Act
from jobs.admin.facts import anchor
from jobs.admin.filters import Choices, DeletedFilter, FixedFilter, TypeFilter
from jobs.admin.history import acts_on
from jobs.admin.many import ManyAdmin
from jobs.admin.revealing import RevealingAdmin
from jobs.admin.schedule_forms import ScheduleChangeForm
from jobs.models import Job, Schedule

#: Jobs that the page of a schedule shows.
LATEST: Final = 10
_STATES: Final[dict[str, dict[str, Any]]] = {
    "active": {"is_active": True},
    "paused": {"is_active": False},
    "failing": {"is_active": True},
    "ended": {"is_active": True, "next_run_at": None},
}


class StateFilter(FixedFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("active", "Active"), ("paused", "Paused"), ("failing", "Failing"), ("ended", "No time to come")]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return (
            rows.filter(is_active=True).exclude(last_error="") if value == "failing" else rows.filter(**_STATES[value])
        )


class SourceFilter(FixedFilter):
    title = "from"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(source.value, str(source.label)) for source in Schedule.Source]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(source=value)


def _switch(pk: UUID, actor: Any, reason: str = "", *, is_active: bool) -> Schedule:
    return schedules.change(pk, actor, reason=reason, is_active=is_active)


def _is_fixed(schedule: Schedule) -> bool:
    return schedule.source == Schedule.Source.CODE and not schedule.editable


EDIT: Final = Act(
    "edit",
    "Edit",
    "",
    schedules.change,
    "The schedule is changed.",
    form=ScheduleChangeForm,
    offered=lambda schedule: not schedule.is_deleted and not _is_fixed(schedule),
)
RUN: Final = Act(
    "run",
    "Run now",
    "Its job is submitted at once, whatever its times are, and even if it is paused. They stay as they are.",
    schedules.run_now,
    "Its job is submitted.",
    offered=lambda schedule: not schedule.is_deleted,
)


@admin.register(Schedule)
class ScheduleAdmin(RevealingAdmin, ManyAdmin):
    list_display = ("name", "job_type", "when", "next_run", "last_run", "state", "rules", "source", "problem")
    list_display_links = ("name",)
    list_filter = (StateFilter, TypeFilter, SourceFilter, DeletedFilter)
    search_fields = ("name", "description")
    search_help_text = "In the name or the description."
    heavy = ("payload",)
    detail_template = "jobs/schedule.html"
    acts = (
        EDIT,
        RUN,
        Act(
            "pause",
            "Pause",
            "Its times make no jobs any more. Those it has made go on.",
            partial(_switch, is_active=False),
            "The schedule is paused.",
            offered=lambda schedule: schedule.is_active and not schedule.is_deleted,
        ),
        Act(
            "resume",
            "Resume",
            "Its times make jobs again, from the next one to come on: none of the past is made up for.",
            partial(_switch, is_active=True),
            "The schedule is active.",
            offered=lambda schedule: not schedule.is_active and not schedule.is_deleted,
        ),
        Act(
            "delete",
            "Delete",
            "It makes no jobs any more, and is found among the deleted ones. The jobs it has made go on.",
            schedules.soft_delete,
            "The schedule is deleted.",
            danger=True,
            offered=lambda schedule: not schedule.is_deleted and not _is_fixed(schedule),
        ),
        Act(
            "restore",
            "Restore",
            "It is there again. Its next time is one to come: none of the past is made up for.",
            schedules.restore,
            "The schedule is restored.",
            offered=lambda schedule: schedule.is_deleted,
        ),
    )
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
        if act is not EDIT:
            return super().act_view(request, object_id, act)
        schedule = self.get_object(request, object_id)
        return self.not_found(request, object_id) if schedule is None else schedule_editor.edit(self, request, schedule)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Give the next times of an interval that is being typed."""
        return schedule_editor.preview_view(self, request)

    def perform(self, request: HttpRequest, act: Act, row: Any, chosen: dict[str, Any]) -> bool:
        done = super().perform(request, act, row, chosen)
        if done and act is RUN:
            row.refresh_from_db(fields=["last_job"])
            messages.info(request, format_html("It is {}.", anchor("job", row.last_job, row.last_job)))
        return done

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            **super().detail(request, obj),
            "state": self.state(obj),
            "fixed": _is_fixed(obj),
            "preview": schedule_editor.preview_of_row(obj),
            "facts": display.facts(_facts(obj)),
            "documents": [
                ("Payload", documents.show(self.text_of(obj, "payload"), obj.job_type)),
                ("Interval", documents.show(documents.pretty(obj.schedule_interval))),
            ],
            "latest": list(_latest(obj)),
            "all_url": f"{reverse('admin:jobs_job_changelist')}?schedule={obj.pk}",
            "history": acts_on(obj.pk),
        }

    @admin.display(description="when")
    def when(self, schedule: Schedule) -> str:
        return schedules.in_words(schedule.schedule_interval)

    @admin.display(description="next")
    def next_run(self, schedule: Schedule) -> SafeString:
        return display.moment(schedule.next_run_at)

    @admin.display(description="last")
    def last_run(self, schedule: Schedule) -> SafeString:
        if schedule.last_job is None:
            return display.moment(schedule.last_run_at)
        return anchor("job", schedule.last_job, display.moment(schedule.last_run_at))

    @admin.display(description="state")
    def state(self, schedule: Schedule) -> SafeString:
        if schedule.is_deleted:
            return display.badge("deleted")
        if not schedule.is_active:
            return display.badge("paused", "gone from the code" if schedule.vanished_at else "")
        if schedule.last_error:
            return display.badge("failing")
        ended = schedule.next_run_at is None and schedule.schedule_interval != {"type": "manual"}
        return display.badge("ended", "no time to come") if ended else display.badge("active")

    @admin.display(description="missed, overlapping")
    def rules(self, schedule: Schedule) -> str:
        return f"{schedule.misfire}, {schedule.overlap}"

    @admin.display(description="last error")
    def problem(self, schedule: Schedule) -> SafeString | str:
        text = display.short(schedule.last_error, 120)
        return format_html('<strong class="loud">{}</strong>', text) if text else ""


def _latest(schedule: Schedule) -> QuerySet[Job]:
    jobs = Job.objects.visible().filter(schedule=schedule).order_by("-scheduled_for")
    return jobs.only("id", "status", "scheduled_for", "created_at", "started_at", "completed_at", "failed_at")[:LATEST]


def _facts(schedule: Schedule) -> dict[str, Any]:
    misfire = schedule.get_misfire_display()
    if schedule.misfire == Schedule.Misfire.ALL:
        misfire = f"Run all, at most {schedule.misfire_cap:,}"
    return {
        "Description": schedule.description,
        "Job type": schedule.job_type,
        "When": schedules.in_words(schedule.schedule_interval),
        "Next": display.exact(schedule.next_run_at),
        "Last": display.exact(schedule.last_run_at),
        "Last job": anchor("job", schedule.last_job, schedule.last_job) if schedule.last_job else None,
        "Not before": display.exact(schedule.starts_at),
        "Not after": display.exact(schedule.ends_at),
        "Missed times": misfire,
        "If the job before is not done": schedule.get_overlap_display(),
        "Times skipped": f"{schedule.skipped:,}" if schedule.skipped else None,
        "Queue": schedule.queue,
        "Priority": schedule.priority,
        "Retries": schedule.max_retries,
        "Owner": schedule.user or "nobody in particular",
        "Defined in": schedule.get_source_display(),
        "Changed by hand": display.exact(schedule.edited_at),
        "Gone from the code": display.exact(schedule.vanished_at),
        "Version": schedule.version,
        "Made": display.exact(schedule.created_at),
    }
