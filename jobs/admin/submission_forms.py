"""What people type to submit jobs from the console: one, or many of a type together."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from jobs import options
from jobs.admin import documents
from jobs.admin.forms import PayloadForm
from jobs.admin.job_forms import MomentInput, QueueInput, checked
from jobs.models import Function
from jobs.registry import registry

#: Payloads that one form takes; more of them come from a program.
MOST_LINES: Final = 10_000


def job_types() -> list[str]:
    """Name the job types that may be submitted now: those of handlers, and of functions in other languages."""
    known = Function.objects.filter(is_active=False).values_list("language_title", flat=True)
    off = set(known)
    foreign = Function.objects.filter(is_active=True).exclude(language="python")
    ours = [each.name for each in registry.listed() if f"python-{each.name}" not in off]
    return sorted({*ours, *foreign.values_list("language_title", flat=True)[:500]})


class TypeForm(forms.Form):
    """The first question: a job of which type."""

    type = forms.ChoiceField(label=_("Job type"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["type"].choices = [(name, name) for name in job_types()]  # type: ignore[attr-defined]


class _Common(forms.Form):
    """What jobs have beside their payload; what is left empty is as the type has it."""

    queue = forms.CharField(label=_("Queue"), max_length=64, required=False, widget=QueueInput)
    priority = forms.IntegerField(
        label=_("Priority"), min_value=0, max_value=100, required=False, help_text=_("Larger runs first.")
    )
    max_retries = forms.IntegerField(label=_("Retries"), min_value=0, max_value=100, required=False)
    scheduled_at = forms.DateTimeField(
        label=_("Not before"), required=False, widget=MomentInput, help_text=_("In your own time zone; empty is now.")
    )
    tags = forms.CharField(label=_("Tags"), required=False, help_text=_("Separated by commas."))

    def clean_queue(self) -> Any:
        queue = self.cleaned_data["queue"]
        return checked(options.check_queue, queue) if queue else ""

    def clean_scheduled_at(self) -> Any:
        at = self.cleaned_data["scheduled_at"]
        return checked(options.check_scheduled_at, at) if at else None

    def clean_tags(self) -> Any:
        tags = [tag.strip() for tag in self.cleaned_data["tags"].split(",")]
        return checked(options.check_tags, [tag for tag in tags if tag])

    def chosen(self) -> dict[str, Any]:
        """Give the options that were chosen; the others are the type's own."""
        names = set(self.cleaned_data) - {"payload", "payloads", "name"}
        return {name: value for name in names if (value := self.cleaned_data[name]) not in (None, "", [], {})}


class NewJobForm(PayloadForm, _Common):
    """A job with its payload and options."""

    unique_key = forms.CharField(
        label=_("Unique key"), required=False, max_length=255, help_text=_("Only one job with it waits or runs.")
    )
    project_name = forms.CharField(label=_("Project"), required=False, max_length=128)
    hostname = forms.CharField(label=_("Host"), required=False, max_length=255)
    metadata = forms.CharField(
        label=_("Metadata"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "json-editor"}),
        help_text=_("A JSON object."),
    )
    field_order = ("payload", "queue", "priority", "scheduled_at", "max_retries", "tags", "unique_key")

    def clean_metadata(self) -> Any:
        text = self.cleaned_data["metadata"]
        return checked(options.check_metadata, documents.parse(text)) if text.strip() else {}


class NewBatchForm(_Common):
    """Many jobs of one type, counted together: a line of JSON for each."""

    name = forms.CharField(label=_("Name"), required=False, max_length=100)
    payloads = forms.CharField(
        label=_("Payloads"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "class": "json-editor"}),
        help_text=_("One JSON object a line."),
    )
    field_order = ("name", "payloads", "queue", "priority", "scheduled_at", "max_retries", "tags")

    def clean_payloads(self) -> list[dict[str, Any]]:
        lines = [
            (place, line) for place, line in enumerate(self.cleaned_data["payloads"].split("\n"), 1) if line.strip()
        ]
        if len(lines) > MOST_LINES:
            raise ValidationError(_("At most %(most)s lines."), params={"most": f"{MOST_LINES:,}"})
        return [_payload(place, line) for place, line in lines]


def _payload(place: int, line: str) -> dict[str, Any]:
    try:
        return documents.parse(line)
    except ValidationError as error:
        words = _("Line %(place)s: %(error)s")
        raise ValidationError(words, params={"place": place, "error": error.messages[0]}) from error
