"""What operators say of a schedule: the interval in three forms, JSON as text, checked by the domain's own rules."""

from datetime import UTC, datetime
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise

from accounts.models import User
from jobs import options, timing
from jobs.admin import documents
from jobs.admin.forms import ReasonForm
from jobs.exceptions import InvalidSchedule, JobError, Violation
from jobs.languages import PYTHON
from jobs.models import Function, Schedule
from jobs.registry import registry
from jobs.schedules import CAP_MOST, DESCRIPTION_MAX_LENGTH, NAME_MAX_LENGTH
from jobs.secret_fields import hide

#: What people mean most often, offered while they type.
EXPRESSIONS: Final = (
    ("*/5 * * * *", gettext_lazy("Every five minutes")),
    ("0 * * * *", gettext_lazy("Every hour")),
    ("0 9 * * *", gettext_lazy("Every day at 9:00")),
    ("0 9 * * 1-5", gettext_lazy("Monday to Friday at 9:00")),
    ("30 2 * * 0", gettext_lazy("Sundays at 2:30")),
    ("0 0 1 * *", gettext_lazy("The first of every month")),
    ("0 18 L * *", gettext_lazy("The last day of every month at 18:00")),
)
_MOMENT: Final = "%Y-%m-%dT%H:%M:%S"
#: The fields of the form that an interval is made of, by the names in it.
PARTS: Final = {"type": "kind", "expression": "expression", "timezone": "timezone", "seconds": "seconds"}


def _whose_clock() -> str:
    return _("By your clock: %(zone)s.") % {"zone": get_current_timezone_name()}


class MomentField(forms.DateTimeField):
    """A moment in the operator's zone, as a browser's own editor has it, without one as text; given in UTC."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=_MOMENT)

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"help_text": lazy(_whose_clock, str)(), **options})

    def to_python(self, value: Any) -> datetime | None:
        found = super().to_python(value)
        return found.astimezone(UTC) if found else None


class IntervalForm(forms.Form):
    """When: by the clock, at equal distances, or only by hand."""

    kind = forms.ChoiceField(
        label=gettext_lazy("When"),
        widget=forms.RadioSelect,
        choices=[
            ("cron", gettext_lazy("By the clock")),
            ("timedelta", gettext_lazy("At equal distances")),
            ("manual", gettext_lazy("Only by hand")),
        ],
        initial="cron",
    )
    expression = forms.CharField(
        label=gettext_lazy("Cron expression"),
        required=False,
        widget=forms.TextInput(attrs={"list": "expressions", "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Minute, hour, day of the month, month, day of the week; with seconds in front if there are six."
        ),
    )
    timezone = forms.CharField(
        label=gettext_lazy("Time zone"),
        required=False,
        initial="UTC",
        widget=forms.TextInput(attrs={"list": "timezones", "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Whose clock it goes by, such as Asia/Tokyo."),
    )
    seconds = forms.FloatField(
        label=gettext_lazy("Seconds"),
        required=False,
        widget=forms.NumberInput(attrs={"min": timing.LEAST_SECONDS, "step": "any"}),
        help_text=gettext_lazy("From each time to the next: 90, or 86400 for a day."),
    )
    starts_at = MomentField(label=gettext_lazy("Not before"), required=False)
    ends_at = MomentField(label=gettext_lazy("Not after"), required=False)

    def interval(self) -> dict[str, Any]:
        """Give the schedule_interval that the fields say, right or wrong."""
        given = self.cleaned_data
        kind = given.get("kind")
        if kind == "cron":
            return {"type": kind, "expression": given.get("expression"), "timezone": given.get("timezone") or "UTC"}
        return {"type": kind, "seconds": given.get("seconds")} if kind == "timedelta" else {"type": kind}

    def tell(self, violation: Violation) -> None:
        """Put what the domain says beside the field that it is about."""
        name, _, place = violation.pointer.removeprefix("/").partition("/")
        if name == "schedule_interval":
            name, place = PARTS.get(place, "kind"), ""
        field = name if name in self.fields else None
        self.add_error(field, f"{f'/{place}: ' if place else ''}{violation.detail}.")


class ScheduleForm(IntervalForm):
    """Everything that may be said of a schedule."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=NAME_MAX_LENGTH)
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=DESCRIPTION_MAX_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    job_type = forms.ChoiceField(label=gettext_lazy("Job type"), choices=())
    payload = forms.CharField(
        label=gettext_lazy("Payload"),
        strip=False,
        initial="{}",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "json-editor"}),
        help_text=gettext_lazy("Of each of its jobs, as JSON; checked against the schema of the job type."),
    )
    queue = forms.CharField(
        label=gettext_lazy("Queue"),
        required=False,
        max_length=64,
        help_text=gettext_lazy("Empty is the job type's own."),
    )
    priority = forms.IntegerField(
        label=gettext_lazy("Priority"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=gettext_lazy("0 to 100, larger runs first; empty is the job type's."),
    )
    max_retries = forms.IntegerField(
        label=gettext_lazy("Retries"),
        required=False,
        min_value=0,
        max_value=options.MAX_RETRIES,
        help_text=gettext_lazy("After the first attempt; empty is the job type's."),
    )
    is_active = forms.BooleanField(label=gettext_lazy("Active: its times make jobs"), required=False, initial=True)
    misfire = forms.ChoiceField(
        label=gettext_lazy("Times that were missed"),
        choices=Schedule.Misfire.choices,
        initial=Schedule.Misfire.LATEST,
        help_text=gettext_lazy("Because no worker was there."),
    )
    misfire_cap = forms.IntegerField(
        label=gettext_lazy("At most so many"),
        min_value=1,
        max_value=CAP_MOST,
        initial=10,
        help_text=gettext_lazy("Where all of them run."),
    )
    overlap = forms.ChoiceField(
        label=gettext_lazy("If the job before is not done"),
        choices=Schedule.Overlap.choices,
        initial=Schedule.Overlap.ALLOW,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False
        names = _job_types() | ({self.initial["job_type"]} if self.initial.get("job_type") else set())
        cast(forms.ChoiceField, self.fields["job_type"]).choices = [(name, name) for name in sorted(names)]

    def groups(self) -> list[tuple[str, StrOrPromise, list[forms.BoundField]]]:
        """Give the fields as the page shows them: name of the group, its heading and its fields."""
        return [
            (name, heading, [self[field] for field in fields if field in self.fields])
            for name, heading, fields in _GROUPS
        ]

    def clean_payload(self) -> dict[str, Any]:
        return documents.parse(self.cleaned_data["payload"])

    def said(self) -> dict[str, Any]:
        """Give the fields for the domain; what was left empty is left out."""
        plain = {name: self.cleaned_data[name] for name in _PLAIN}
        chosen = {name: self.cleaned_data[name] for name in _CHOSEN if self.cleaned_data[name] not in (None, "")}
        return {**plain, **chosen, "schedule_interval": self.interval()}

    def blame(self, error: JobError) -> None:
        """Show what the domain refused."""
        if isinstance(error, InvalidSchedule):
            for violation in error.violations:
                self.tell(violation)
        else:
            self.add_error(None, str(error))


class NewScheduleForm(ScheduleForm):
    owner = forms.CharField(
        label=gettext_lazy("Owner"),
        required=False,
        help_text=gettext_lazy("The user id of whom its jobs belong to; empty is nobody in particular."),
    )

    def clean_owner(self) -> User | None:
        name = self.cleaned_data["owner"]
        found = User.objects.filter(user_id=name).first() if name else None
        if name and found is None:
            raise ValidationError(_("There is no such user."))
        return found


class ScheduleChangeForm(ScheduleForm, ReasonForm):
    """Refuses to overwrite what someone else changed while the page stood open."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput)


_GROUPS: Final = (
    ("what", gettext_lazy("What"), ("name", "description", "job_type", "payload")),
    ("when", gettext_lazy("When"), ("kind", "expression", "timezone", "seconds", "starts_at", "ends_at")),
    ("how", gettext_lazy("How"), ("misfire", "misfire_cap", "overlap", "queue", "priority", "max_retries", "owner")),
    ("last", "", ("is_active", "reason")),
)
_PLAIN: Final = (
    *("name", "description", "job_type", "payload", "starts_at", "ends_at"),
    *("is_active", "misfire", "misfire_cap", "overlap"),
)
_CHOSEN: Final = ("queue", "priority", "max_retries")


def initial(schedule: Schedule) -> dict[str, Any]:
    """Give what the form starts with."""
    interval = schedule.schedule_interval if isinstance(schedule.schedule_interval, dict) else {}
    parts = {field: interval[name] for name, field in PARTS.items() if name in interval}
    facts = {name: getattr(schedule, name) for name in (*_PLAIN, *_CHOSEN) if name != "payload"}
    return {
        **facts,
        **parts,
        "payload": documents.pretty(hide(schedule.payload, schedule.job_type)),
        "expected_version": schedule.version,
    }


def _job_types() -> set[str]:
    others = Function.objects.exclude(language=PYTHON).filter(is_active=True)
    names = others.values_list("language_title", flat=True)[:500]
    return {*names, *(job_type.name for job_type in registry.listed())}
