"""Forms of the desk. What a clean form holds is what the verb is called with."""

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.roles import STAFF
from jobs import options, triage
from jobs.admin import documents
from jobs.admin.forms import ReasonForm
from jobs.dead_letter_groups import NOTE_MAX_LENGTH
from jobs.exceptions import InvalidOption, InvalidPayload
from jobs.payloads import dump_result

_SPANS: Final = {
    "1h": (_("For an hour"), timedelta(hours=1)),
    "1d": (_("For a day"), timedelta(days=1)),
    "7d": (_("For a week"), timedelta(days=7)),
    "30d": (_("For 30 days"), timedelta(days=30)),
}


class SettleForm(ReasonForm):
    """Whoever works through a group goes on with its next letter."""

    onward = forms.BooleanField(label=_("Then go on with the next open letter of this group"), required=False)
    field_order: Any = ("reason", "onward")


class RedriveManyForm(ReasonForm):
    queue = forms.CharField(
        label=_("Queue"),
        required=False,
        strip=True,
        max_length=64,
        help_text=_("Where it is to run; empty is the queue that it died in."),
    )
    field_order: Any = ("queue", "reason")

    def clean_queue(self) -> str | None:
        queue: str = self.cleaned_data["queue"]
        if queue:
            try:
                options.check_queue(queue)
            except InvalidOption as error:
                raise ValidationError(gettext("The queue %(wrong)s") % {"wrong": error.detail}) from error
        return queue or None


class RedriveForm(RedriveManyForm):
    onward = SettleForm.base_fields["onward"]
    field_order = ("queue", "reason", "onward")


class ResolveForm(SettleForm):
    result = forms.CharField(
        label=_("Result"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "class": "json-editor"}),
        help_text=_("JSON that the job is to give as its result; empty is none."),
    )
    field_order = ("result", "reason", "onward")

    def clean_result(self) -> Any:
        result = documents.parse_any(self.cleaned_data["result"])
        try:
            dump_result(result)
        except InvalidPayload as error:
            raise ValidationError([violation.detail for violation in error.violations]) from error
        return result


class DiscardForm(SettleForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True


class UntilForm(ReasonForm):
    """A time in words, or an exact one."""

    span = forms.ChoiceField(
        label=_("How long"),
        required=False,
        choices=[*((name, label) for name, (label, _span) in _SPANS.items()), ("", _("Until a time that I say"))],
        initial="1d",
        widget=forms.RadioSelect,
    )
    until = forms.DateTimeField(
        label=_("Until"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    field_order: Any = ("span", "until", "reason")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        until: datetime | None = said.get("until")
        if span := said.pop("span", ""):
            until = now() + _SPANS[span][1]
        if until is not None and "until" not in self.errors:
            try:
                triage.check_until(until, "until")
            except InvalidOption as error:
                self.add_error("until", gettext("The time %(wrong)s") % {"wrong": error.detail})
        return {**said, "until": until}


class IgnoreForm(UntilForm):
    onward = SettleForm.base_fields["onward"]
    field_order = ("span", "until", "reason", "onward")

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        if said["until"] is None and not self.errors:
            self.add_error("until", gettext("Say until when."))
        return said


class MuteForm(UntilForm):
    until_version = forms.BooleanField(
        label=_("Also wake it when a job dies of it under a version that is not known now"),
        required=False,
        help_text=_("Of the function, or of the workers' code."),
    )
    field_order = ("span", "until", "until_version", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = [*self.fields["span"].choices, ("version", _("Only until the version changes"))]  # type: ignore[attr-defined]
        self.fields["span"].choices = words  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        only = self.cleaned_data.get("span") == "version"
        if only:
            self.cleaned_data["span"] = ""
        said = super().clean()
        if only:
            return {**said, "until": None, "until_version": True}
        if said["until"] is None and not said.get("until_version") and not self.errors:
            self.add_error("until", gettext("Say until when, or choose to wait for another version."))
        return said


class KeepForm(forms.Form):
    """Whose it is and what is known of it: saved straight from the page, since it moves nothing."""

    assignee = forms.ModelChoiceField(
        label=_("Looked after by"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("Nobody"),
        to_field_name="user_id",
    )
    ticket = forms.CharField(
        label=_("Ticket"),
        required=False,
        max_length=triage.TICKET_MAX_LENGTH,
        widget=forms.TextInput(attrs={"placeholder": _("An address or a name")}),
    )
    notes = forms.CharField(
        label=_("Notes"), required=False, max_length=NOTE_MAX_LENGTH, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        staff = User.objects.filter(is_active=True, role__in=STAFF).order_by("user_id").only("user_id")
        self.fields["assignee"].queryset = staff  # type: ignore[attr-defined]

    def said(self) -> dict[str, Any]:
        """Give what the page sent; a field that it left out stays as it is."""
        return {name: self.cleaned_data[name] for name in ("assignee", "ticket", "notes") if name in self.data}
