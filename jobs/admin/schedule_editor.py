"""Making and changing a schedule: what was typed is shown with its next times, and lost to no error."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import schedules, timing
from jobs.admin import display, documents
from jobs.admin.schedule_forms import (
    EXPRESSIONS,
    IntervalForm,
    NewScheduleForm,
    ScheduleChangeForm,
    ScheduleForm,
    initial,
)
from jobs.exceptions import InvalidSchedule, JobError, StaleVersion
from jobs.models import AuditEntry, Schedule
from jobs.secret_fields import hide

if TYPE_CHECKING:
    from jobs.admin.schedule import ScheduleAdmin


#: What a new one starts with, so that there is something to see.
_DAILY: Final[dict[str, Any]] = {"kind": "cron", "expression": "0 9 * * *", "timezone": "UTC"}
_LABELS: Final = {"schedule_interval": gettext_lazy("When"), "is_active": gettext_lazy("Active")}


@dataclass(frozen=True, slots=True)
class Time:
    utc: str
    local: str
    away: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The next times of an interval, or what is wrong with it by the field of the form."""

    words: str = ""
    zone: str = ""
    times: list[Time] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)


def edit(admin: "ScheduleAdmin", request: HttpRequest, schedule: Schedule | None) -> HttpResponse:
    """Show the form; with the button Preview its next times, with Save the schedule."""
    if not admin.has_act_permission(request):
        raise PermissionDenied
    start = _DAILY if schedule is None else initial(schedule)
    kind = NewScheduleForm if schedule is None else ScheduleChangeForm
    form = kind(request.POST if request.method == "POST" else None, initial=start)
    meanwhile = None
    if request.method == "POST" and form.is_valid() and "preview" not in request.POST:
        try:
            saved = _save(request, schedule, form)
        except StaleVersion:
            meanwhile = _let_decide(form, schedule)
        except Schedule.DoesNotExist:
            form.add_error(None, _("Somebody has deleted it meanwhile. What you typed is still here."))
        except JobError as error:
            form.blame(error)
        else:
            told = (
                _("The schedule “%(name)s” is made.") if schedule is None else _("The schedule “%(name)s” is changed.")
            )
            messages.success(request, told % {"name": saved.name})
            return HttpResponseRedirect(admin.url(saved.pk))
    return _page(admin, request, schedule, form, meanwhile)


def _page(
    admin: "ScheduleAdmin", request: HttpRequest, schedule: Schedule | None, form: ScheduleForm, meanwhile: Any
) -> HttpResponse:
    context = {
        "title": _("Edit %(name)s") % {"name": schedule.name} if schedule else _("Make a schedule"),
        "form": form,
        "groups": form.groups(),
        "meanwhile": meanwhile,
        "preview": preview_of(IntervalForm(form.data if form.is_bound else form.initial)),
        "expressions": EXPRESSIONS,
        "timezones": sorted(timing.timezones()),
        "preview_url": reverse("admin:jobs_schedule_preview"),
        "back": admin.url(schedule.pk) if schedule else admin.list_url(),
    }
    return admin.page(request, "jobs/schedule_form.html", schedule, **context)


def preview_view(admin: "ScheduleAdmin", request: HttpRequest) -> HttpResponse:
    """Give the next times as JSON, for a page on which somebody types."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    return JsonResponse(asdict(preview_of(IntervalForm(request.GET))))


def preview_of(form: IntervalForm) -> Preview:
    """Give the next ten times of what the form says."""
    if form.is_valid():
        interval = form.interval()
        given = form.cleaned_data
        try:
            times = schedules.preview(interval, starts_at=given["starts_at"], ends_at=given["ends_at"])
            return _shown(timing.parse(interval), times)
        except InvalidSchedule as error:
            for violation in error.violations:
                form.tell(violation)
    return Preview(errors={name: [str(text) for text in texts] for name, texts in form.errors.items()})


def preview_of_row(schedule: Schedule) -> Preview:
    """Give the next ten times of a schedule as it stands."""
    try:
        return _shown(timing.parse(schedule.schedule_interval), schedules.upcoming(schedule))
    except InvalidSchedule as error:
        return Preview(errors={"kind": [str(error)]})


def local_time(schedule: Schedule) -> str:
    """Give its next time by the clocks of its own zone."""
    interval = schedule.schedule_interval
    name = interval.get("timezone", "UTC") if isinstance(interval, dict) else "UTC"
    if schedule.next_run_at is None or name not in timing.timezones():
        return ""
    return f"{schedule.next_run_at.astimezone(ZoneInfo(name)):%a %Y-%m-%d %H:%M} {name}"


def _shown(when: timing.Timing, times: list[datetime]) -> Preview:
    zone = when.zone if isinstance(when, timing.Cron) else UTC
    present, clock = now(), "%H:%M:%S" if any(at.second for at in times) else "%H:%M"
    shown = [
        Time(f"{at:%Y-%m-%d {clock}}", f"{at.astimezone(zone):%a %Y-%m-%d {clock}}", display.span(at - present))
        for at in times
    ]
    return Preview(when.describe(), str(zone), shown)


def _save(request: HttpRequest, schedule: Schedule | None, form: Any) -> Schedule:
    said = form.said()
    if schedule is None:
        return schedules.create(form.cleaned_data["owner"], actor=request.user, source=Schedule.Source.ADMIN, **said)
    how = {name: form.cleaned_data[name] for name in ("expected_version", "reason")}
    return schedules.change(schedule.pk, request.user, **how, **said)


def _let_decide(form: Any, schedule: Schedule | None) -> dict[str, Any]:
    """Say who was faster and what is there now; saving once more is then a decision, not an accident."""
    # Only what was there already can be stale.
    assert schedule is not None
    present = Schedule.objects.get(pk=schedule.pk)
    present.payload = hide(present.payload, present.job_type)
    form.data = form.data.copy()
    form.data["expected_version"] = present.version
    there = [
        (_LABELS.get(name) or form.fields[name].label or name.capitalize(), _plainly(getattr(present, name)))
        for name, value in form.said().items()
        if not schedules.same_value(getattr(present, name), value)
    ]
    return {"by": AuditEntry.objects.filter(target_id=str(schedule.pk)).order_by("-id").first(), "there": there}


def _plainly(value: Any) -> Any:
    if value in (None, ""):
        return display.NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return schedules.in_words(value) if "type" in value else documents.pretty(value)
    return display.exact(value) if isinstance(value, datetime) else value
