"""A workflow as people write it down: steps by name, each like the body of a job, and what it runs after."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from jobs import options
from jobs.admin import documents
from jobs.drafts import After, Condition
from jobs.exceptions import InvalidOption
from jobs.new_job import NewJob
from jobs.options import Options
from jobs.workflows import MOST_STEPS, Step

_OPTIONS: Final = ("queue", "priority", "max_retries", "tags", "timeout", "metadata", "project_name", "hostname")
_EXAMPLE: Final = """{
  "fetch": {"type": "extract_content", "payload": {"url": "https://example.org/"}},
  "notify": {"type": "summarize", "payload": {"content": "…"}, "depends_on": ["fetch"]}
}"""


class NewWorkflowForm(forms.Form):
    """Steps that run after each other."""

    name = forms.CharField(label=_("Name"), required=False, max_length=100)
    steps = forms.CharField(
        label=_("Steps"),
        strip=False,
        initial=_EXAMPLE,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false", "class": "json-editor"}),
        help_text=_(
            "A JSON object of steps by name, as POST /api/v1/workflows takes them: type, payload, depends_on, "
            "on_failure, queue, priority, max_retries, tags, timeout, metadata."
        ),
    )

    def clean_steps(self) -> dict[str, Step]:
        steps = documents.parse(self.cleaned_data["steps"])
        if len(steps) > MOST_STEPS:
            raise ValidationError(_("At most %(most)s steps."), params={"most": f"{MOST_STEPS:,}"})
        return {name: _step(name, body) for name, body in steps.items()}


def _step(name: str, body: Any) -> Step:
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise ValidationError(_("%(step)s: a step is an object with a type."), params={"step": name})
    known = {"type", "payload", "depends_on", "on_failure", *_OPTIONS}
    if unknown := sorted(body.keys() - known):
        words = _("%(step)s: %(member)s is not known here.")
        raise ValidationError(words, params={"step": name, "member": unknown[0]})
    payload, needs, fallback = body.get("payload", {}), body.get("depends_on", []), body.get("on_failure")
    if not isinstance(payload, dict) or not isinstance(needs, list) or not isinstance(fallback, str | None):
        words = _("%(step)s: payload is an object, depends_on a list of names, on_failure a name.")
        raise ValidationError(words, params={"step": name})
    chosen = _chosen(name, body)
    return Step(NewJob(body["type"], payload, chosen), [_after(name, need) for need in needs], fallback)


def _chosen(name: str, body: Mapping[str, Any]) -> Options:
    chosen: Any = {option: body[option] for option in _OPTIONS if option in body}
    try:
        options.check(chosen)
    except InvalidOption as error:
        words = _("%(step)s: %(error)s")
        raise ValidationError(words, params={"step": name, "error": str(error)}) from error
    return chosen  # type: ignore[no-any-return]


def _after(name: str, need: Any) -> str | After:
    if isinstance(need, str):
        return need
    if isinstance(need, dict) and isinstance(need.get("step"), str) and not need.keys() - {"step", "condition"}:
        try:
            return After(need["step"], Condition(need.get("condition", "completed")).value)
        except ValueError:
            pass  # said below, with the other ways to get it wrong
    words = _("%(step)s: depends_on names steps, or objects of a step and a condition: completed, ended or failed.")
    raise ValidationError(words, params={"step": name})
