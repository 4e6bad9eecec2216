"""What people type to open a session, and to execute it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from jobs.admin import documents
from jobs.admin.forms import ReasonForm
from jobs.models import Function

_JSON = {"rows": 8, "spellcheck": "false", "class": "json-editor"}


class OpenSessionForm(forms.Form):
    """A function, and the context that all its executions share."""

    function = forms.ChoiceField(label=_("Function"))
    context = forms.CharField(
        label=_("Context"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs=_JSON),
        help_text=_("A JSON object that every execution gets, beside its own parameters."),
    )
    ttl = forms.IntegerField(
        label=_("It lives for, in seconds"), required=False, min_value=1, help_text=_("Empty is as the settings say.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Function.objects.filter(is_active=True).order_by("language_title")
        titles = names.values_list("language_title", flat=True)[:500]
        self.fields["function"].choices = [(name, name) for name in titles]  # type: ignore[attr-defined]

    def clean_context(self) -> dict[str, Any]:
        text: str = self.cleaned_data["context"]
        return documents.parse(text) if text.strip() else {}


class ExecuteForm(ReasonForm):
    """The parameters of one execution; they take precedence over the context."""

    params = forms.CharField(
        label=_("Parameters"),
        strip=False,
        widget=forms.Textarea(attrs=_JSON),
        initial="{}",
        help_text=_("A JSON object."),
    )
    field_order = ("params", "reason")

    def clean_params(self) -> dict[str, Any]:
        return documents.parse(self.cleaned_data["params"])
