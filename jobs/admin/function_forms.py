"""What operators say of a function: the fields of the API, JSON as text, checked by the same rules."""

from typing import Any, Final

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from jobs import functions, options
from jobs.admin import documents
from jobs.admin.forms import ReasonForm
from jobs.exceptions import Violation
from jobs.models import Function

_JSON: Final = {"rows": 12, "spellcheck": "false", "class": "json-editor"}


class FunctionForm(forms.Form):
    """Everything that may be said of a function in another language."""

    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    version = forms.CharField(
        initial="1.0.0", help_text=_("Raise it when results change: kept ones belong to their version.")
    )
    tags = forms.CharField(
        required=False,
        help_text=format_lazy(_("Up to {most} words to find it by, separated by commas."), most=options.MAX_TAGS),
    )
    schema_definition = forms.CharField(
        label=_("Schema"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs=_JSON),
        help_text=_("The JSON Schema of its parameters; empty allows any."),
    )
    examples = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={**_JSON, "rows": 6}),
        help_text=_("A JSON list of parameters that show how it is called; each has to fit the schema."),
    )
    cache_seconds = forms.IntegerField(
        label=_("Cache time"),
        required=False,
        help_text=_("Seconds for which the same parameters get the same result without a job; empty is never."),
    )
    timeout = forms.FloatField(required=False, help_text=_("Seconds that an attempt may run; empty is no limit."))
    max_retries = forms.IntegerField(
        label=_("Retries"), required=False, help_text=_("After the first attempt; empty leaves it to the settings.")
    )

    def clean_tags(self) -> list[str] | None:
        return [tag for text in self.cleaned_data["tags"].split(",") if (tag := text.strip())] or None

    def clean_schema_definition(self) -> Any:
        return documents.parse_any(self.cleaned_data["schema_definition"])

    def clean_examples(self) -> Any:
        return documents.parse_any(self.cleaned_data["examples"])

    def clean(self) -> dict[str, Any]:
        """Ask the domain, and put what it says beside the fields that it is about."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            said: dict[str, Any] = {name: cleaned[name] for name in functions.CHANGEABLE if name in cleaned}
            for violation in functions.faults(said):
                self._tell(violation)
        return cleaned

    def _tell(self, violation: Violation) -> None:
        name, _slash, place = violation.pointer.removeprefix("/").partition("/")
        self.add_error(name, f"{f'/{place}: ' if place else ''}{violation.detail}.")


class NewFunctionForm(FunctionForm):
    language = forms.CharField(max_length=32, help_text=_("Such as node: workers ask for the jobs of their language."))
    title = forms.CharField(max_length=64, help_text=_("Callers name it by language and title: node-thumbnail."))
    field_order = ("language", "title")


class FunctionChangeForm(FunctionForm, ReasonForm):
    """Refuses to overwrite what someone else changed while the page stood open."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput)
    field_order = (*FunctionForm.base_fields, "reason")


def initial(function: Function) -> dict[str, Any]:
    """Give what the form starts with."""
    facts = {name: getattr(function, name) for name in functions.CHANGEABLE if name != "is_active"}
    texts = {
        name: "" if facts[name] is None else documents.pretty(facts[name]) for name in ("schema_definition", "examples")
    }
    tags = {"tags": ", ".join(function.tags or [])}
    return {**facts, **texts, **tags, "expected_version": functions.version_of(function)}
