"""What operators say of an endpoint; checked by the domain's own rules, and kept when something is wrong."""

import re
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.forms import ReasonForm
from jobs.admin.schedule_forms import MomentField
from jobs.exceptions import JobError
from jobs.models import WebhookEndpoint
from jobs.webhooks.endpoints import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS
from jobs.webhooks.event_types import EVENT_TYPES, USUAL
from jobs.webhooks.exceptions import InvalidEndpoint, UnsafeUrl
from jobs.webhooks.faults import DESCRIPTION_MAX_LENGTH, FIELDS

_BETWEEN_NAMES: Final = re.compile(r"[\s,]+")


def _events() -> list[tuple[str, str]]:
    return [(name, _(words)) for name, words in EVENT_TYPES.items()]


class NamesField(forms.CharField):
    """Names with commas or spaces between them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=20_000, **options)

    def clean(self, value: Any) -> list[str]:
        return [name for name in _BETWEEN_NAMES.split(str(super().clean(value) or "")) if name]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value


class EndpointForm(forms.Form):
    """Where to, and of what."""

    url = forms.CharField(
        label=gettext_lazy("URL"),
        max_length=2048,
        widget=forms.URLInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy("HTTPS at the port 443 of a public address, such as https://example.org/hooks."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=DESCRIPTION_MAX_LENGTH,
        help_text=gettext_lazy("What it is called in this console."),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"), choices=_events, initial=list(USUAL), widget=forms.CheckboxSelectMultiple
    )
    job_types = NamesField(
        label=gettext_lazy("Only of these job types"),
        help_text=gettext_lazy("Names with commas between them; empty is all."),
    )
    queues = NamesField(
        label=gettext_lazy("Only of these queues"),
        help_text=gettext_lazy("Names with commas between them; empty is all."),
    )
    everyone = forms.BooleanField(
        label=gettext_lazy("Of everybody's jobs, not only of its owner's"), required=False, initial=True
    )

    def said(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in FIELDS if name in self.cleaned_data}

    def blame(self, error: JobError) -> None:
        """Say what is wrong beside the field that it is about."""
        if isinstance(error, UnsafeUrl):
            self.add_error("url", ValidationError(str(error)))
        elif isinstance(error, InvalidEndpoint):
            for violation in error.violations:
                name = violation.pointer.split("/")[1]
                self.add_error(name if name in self.fields else None, violation.detail)
        else:
            self.add_error(None, str(error))


class EndpointChangeForm(EndpointForm, ReasonForm):
    """The same, of one that is there."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput)
    field_order = (*FIELDS, "reason")


class RotateForm(ReasonForm):
    overlap_hours = forms.IntegerField(
        label=gettext_lazy("Hours for which the secret before is good as well"),
        min_value=0,
        max_value=LONGEST_OVERLAP_HOURS,
        initial=OVERLAP_HOURS,
        help_text=gettext_lazy("Meanwhile messages bear both signatures. 0 ends it at once, if it has leaked."),
    )
    field_order = ("overlap_hours", "reason")


class ResendForm(ReasonForm):
    since = MomentField(label=gettext_lazy("Since"))
    until = MomentField(label=gettext_lazy("Until"), required=False)
    field_order = ("since", "until", "reason")


def initial(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Give what the form of an endpoint starts with."""
    return {name: getattr(endpoint, name) for name in FIELDS} | {"expected_version": endpoint.version}
