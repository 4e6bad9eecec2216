"""What people say when they change one job."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs import options
from jobs.admin import documents
from jobs.admin.forms import PayloadForm, ReasonForm
from jobs.exceptions import InvalidOption
from jobs.search import known_values


class QueueInput(forms.TextInput):
    """A text with the known queues to choose from: others are allowed, for a queue exists as soon as it has a job."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, {**(attrs or {}), "list": f"{name}-known", "autocomplete": "off"}, renderer)
        options = format_html_join("", '<option value="{}"></option>', ((known,) for known in known_values.queues()))
        return format_html('{}<datalist id="{}-known">{}</datalist>', field, name, options)


class MomentInput(forms.DateTimeInput):
    """A date and time in the operator's zone, by the browser's own calendar."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"step": "1", **(attrs or {})}, format="%Y-%m-%dT%H:%M:%S")


class Versioned(ReasonForm):
    """Refuses to overwrite what someone else changed while the page stood open."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput)


class RescheduleForm(Versioned):
    scheduled_at = forms.DateTimeField(
        label=_("Not before"), widget=MomentInput, help_text=_("In your own time zone; at most one year ahead.")
    )
    field_order = ("scheduled_at", "reason")

    def clean_scheduled_at(self) -> Any:
        return checked(options.check_scheduled_at, self.cleaned_data["scheduled_at"])


class MoveForm(Versioned):
    queue = forms.CharField(label=_("Queue"), max_length=64, widget=QueueInput)
    field_order = ("queue", "reason")

    def clean_queue(self) -> Any:
        return checked(options.check_queue, self.cleaned_data["queue"])


class CloneForm(PayloadForm, ReasonForm):
    """A new job after the example of another one."""

    queue = forms.CharField(label=_("Queue"), max_length=64, widget=QueueInput)
    priority = forms.IntegerField(label=_("Priority"), min_value=0, max_value=100, help_text=_("Larger runs first."))
    tags = forms.CharField(label=_("Tags"), required=False, help_text=_("Separated by commas."))
    metadata = forms.CharField(
        label=_("Metadata"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "json-editor"}),
        help_text=_("A JSON object."),
    )
    field_order = ("payload", "queue", "priority", "tags", "metadata", "reason")

    def clean_queue(self) -> Any:
        return checked(options.check_queue, self.cleaned_data["queue"])

    def clean_tags(self) -> Any:
        tags = [tag.strip() for tag in self.cleaned_data["tags"].split(",")]
        return checked(options.check_tags, [tag for tag in tags if tag])

    def clean_metadata(self) -> Any:
        text = self.cleaned_data["metadata"]
        return checked(options.check_metadata, documents.parse(text) if text.strip() else {})


def checked(check: Any, value: Any) -> Any:
    """Give the value if the check of options takes it; else what is wrong with it becomes the field's error."""
    try:
        check(value)
    except InvalidOption as error:
        raise ValidationError(error.detail.capitalize()) from error
    return value
