from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from jobs import dead_letters, options
from jobs.admin import documents
from jobs.exceptions import InvalidOption, InvalidPayload
from jobs.secret_fields import put_back
from jobs.statuses import Priority
from jobs.tasks.waiting import check_event_name


class ReasonForm(forms.Form):
    """The question before every act."""

    reason = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kept in the audit log, beside your name and the time."),
    )


class PriorityForm(ReasonForm):
    priority = forms.IntegerField(
        min_value=0,
        max_value=100,
        help_text=format_lazy(
            "{} {}.",
            _("0 to 100, larger runs first."),
            ", ".join(f"{level.label} {level.value}" for level in Priority),
        ),
    )
    field_order = ("priority", "reason")


class VersionedPriorityForm(PriorityForm):
    """Refuses to overwrite what someone else changed while the page stood open."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput)


class QueueRulesForm(ReasonForm):
    """What may be said of a queue; what is empty is no limit."""

    concurrency_limit = forms.IntegerField(
        label=_("At once"),
        required=False,
        min_value=1,
        max_value=options.MOST_AT_ONCE,
        help_text=_("How many of its jobs may run at once, on all workers together; empty is any number."),
    )
    rate_limit = forms.CharField(
        label=_("Started in a time"),
        required=False,
        empty_value=None,
        help_text=_("60/m is at most 60 in any minute, 10/30s at most 10 in any 30 seconds; empty is any number."),
    )
    fair = forms.BooleanField(label=_("Users take turns, however many jobs each of them has waiting"), required=False)
    field_order = ("concurrency_limit", "rate_limit", "fair", "reason")

    def clean_rate_limit(self) -> str | None:
        rate: str | None = self.cleaned_data["rate_limit"]
        if rate is not None:
            try:
                options.check_rate_limit(rate)
            except InvalidOption as error:
                raise ValidationError(error.detail.capitalize()) from error
        return rate


class ReleaseForm(ReasonForm):
    """Releases the lock that the person saw, not a newer one."""

    lock_token = forms.IntegerField(widget=forms.HiddenInput)


class NotesForm(forms.Form):
    notes = forms.CharField(
        required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 4}), label=_("Notes")
    )


class EventForm(forms.Form):
    """An event for a job."""

    name = forms.CharField(max_length=100, help_text=_("The name that the handler waits for."))
    payload = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "class": "json-editor"}),
        help_text=_("A JSON object that the handler is given; empty is {}."),
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            check_event_name(name)
        except InvalidPayload as error:
            raise ValidationError(f"The name {error.violations[0].detail}.") from error
        return name

    def clean_payload(self) -> dict[str, Any]:
        text: str = self.cleaned_data["payload"]
        return documents.parse(text) if text.strip() else {}


class PayloadForm(forms.Form):
    """An edited payload, checked against the schema of the job type.

    Masks that were left alone are checked as what stood in the original, and stay masks in what the form gives.
    """

    payload = forms.CharField(
        strip=False, widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "class": "json-editor"})
    )

    def __init__(self, job_type: str, *args: Any, original: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job_type = job_type
        self.original = original

    def clean_payload(self) -> dict[str, Any]:
        payload = documents.parse(self.cleaned_data["payload"])
        try:
            dead_letters.check_payload(self.job_type, put_back(payload, self.original, self.job_type))
        except InvalidPayload as error:
            raise ValidationError([f"{v.pointer or 'The payload'}: {v.detail}" for v in error.violations]) from error
        return payload
