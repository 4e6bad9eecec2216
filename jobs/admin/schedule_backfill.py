"""Making up for a schedule's times of the past: first a look at what would be made, then the jobs."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs import schedules
from jobs.admin.forms import ReasonForm
from jobs.admin.schedule_forms import MomentField
from jobs.exceptions import InvalidOption, JobError
from jobs.models import Schedule
from jobs.scheduling import backfilling

if TYPE_CHECKING:
    from jobs.admin.schedule import ScheduleAdmin

#: Times that the page lists.
SHOWN: Final = 50


class RangeForm(forms.Form):
    """From when to when; both ends are included."""

    since = MomentField(label=gettext_lazy("From"), required=True)
    until = MomentField(label=gettext_lazy("Until"), required=True)


class BackfillForm(RangeForm, ReasonForm):
    """The range that was looked at, and why."""

    since = MomentField(widget=forms.HiddenInput, required=True)
    until = MomentField(widget=forms.HiddenInput, required=True)


class SkipForm(ReasonForm):
    """Skips the time that the person saw, not the one behind it."""

    expected = forms.CharField(widget=forms.HiddenInput)

    def clean_expected(self) -> datetime:
        try:
            moment = datetime.fromisoformat(self.cleaned_data["expected"])
        except ValueError as error:
            raise forms.ValidationError(_("This is not a moment.")) from error
        if moment.tzinfo is None:
            raise forms.ValidationError(_("This is not a moment."))
        return moment


def ask(admin: "ScheduleAdmin", request: HttpRequest, schedule: Schedule) -> HttpResponse:
    """Ask for the range; show which of its times have no job; then make those jobs."""
    if not admin.has_act_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        chosen = BackfillForm(request.POST)
        if chosen.is_valid() and _made(request, schedule, chosen.cleaned_data):
            return HttpResponseRedirect(admin.url(schedule.pk))
        form = RangeForm(request.POST)
    else:
        form = RangeForm(request.GET or None)
    context = {"form": form, "back": admin.url(schedule.pk), "most": backfilling.MOST}
    if form.is_bound and form.is_valid():
        context |= _look(schedule, form)
    return admin.page(request, "jobs/schedule_backfill.html", schedule, title=_("Backfill"), **context)


def _look(schedule: Schedule, form: RangeForm) -> dict[str, Any]:
    given = form.cleaned_data
    try:
        found = backfilling.look(schedule, given["since"], given["until"])
    except InvalidOption as error:
        form.add_error(error.option if error.option in form.fields else None, error.detail.capitalize())
        return {}
    except JobError as error:
        form.add_error(None, str(error))
        return {}
    confirm = BackfillForm(initial=given)
    more = max(0, len(found.missing) - SHOWN)
    return {"found": found, "shown": found.missing[:SHOWN], "more": more, "confirm": confirm}


def _made(request: HttpRequest, schedule: Schedule, chosen: dict[str, Any]) -> bool:
    try:
        done = schedules.backfill(schedule.pk, request.user, **chosen)
    except (JobError, Schedule.DoesNotExist) as error:
        messages.error(request, str(error))
        return False
    count = len(done.jobs)
    said = ngettext("%(count)s job is submitted.", "%(count)s jobs are submitted.", count) % {"count": f"{count:,}"}
    messages.success(request, said)
    return True
