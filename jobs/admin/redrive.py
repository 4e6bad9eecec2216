"""Redriving with an edited payload: the edit is checked, its difference shown, and only then is it done."""

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs import dead_letters
from jobs.admin import dead_letter_page, documents
from jobs.admin.acts import Act
from jobs.admin.forms import PayloadForm
from jobs.admin.triage_forms import RedriveForm

if TYPE_CHECKING:
    from jobs.admin.dead_letter import DeadLetterAdmin

EDITED: Final = Act(
    "redrive",
    _("Redrive with this payload"),
    _(
        "The job is pending again and due now, with all its retries and the edited payload. "
        "The letter keeps the payload it died of, and the difference."
    ),
    dead_letters.redrive,
    _("Redriven with the edited payload: the job is pending again."),
)


class EditedForm(PayloadForm, RedriveForm):
    """The confirmation: the payload travels along hidden, and is checked again when it comes back."""

    payload = forms.CharField(strip=False, widget=forms.HiddenInput)


def preview(admin: "DeadLetterAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
    """Show what an edit changes and ask; then redrive."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not admin.has_act_permission(request):
        raise PermissionDenied
    letter = admin.get_object(request, unquote(object_id))
    if letter is None:
        return admin.not_found(request, object_id)
    original = documents.value(letter.payload_text)
    edit = PayloadForm(letter.job_type, request.POST, original=original)
    if not edit.is_valid():
        context = {**admin.detail(request, letter), "payload_form": edit}
        return admin.page(request, admin.detail_template, letter, **context)
    confirmed = EditedForm(letter.job_type, request.POST, original=original)
    if "confirm" not in request.POST:
        fresh = EditedForm(letter.job_type, initial={"payload": documents.pretty(edit.cleaned_data["payload"])})
        return _ask(admin, request, letter, edit.cleaned_data["payload"], fresh)
    if not confirmed.is_valid():
        return _ask(admin, request, letter, edit.cleaned_data["payload"], confirmed)
    chosen = dict(confirmed.cleaned_data)
    if admin.perform(request, EDITED, letter, chosen) and chosen["onward"]:
        return admin.onward(request, str(letter.pk)) or HttpResponseRedirect(admin.after(letter))
    return HttpResponseRedirect(admin.after(letter))


def _ask(
    admin: "DeadLetterAdmin", request: HttpRequest, letter: Any, payload: dict[str, Any], form: forms.Form
) -> HttpResponse:
    lines = documents.compare_payloads(documents.value(letter.payload_text), payload, letter.job_type)
    context = {
        "form": form,
        "lines": lines,
        "same": all(line.kind in {"same", "skipped"} for line in lines),
        "before": _since_first(letter, payload) if letter.occurrence > 1 else [],
        "act": EDITED,
        "title": gettext("Redrive with an edited payload"),
    }
    return admin.page(request, "jobs/redrive.html", letter, back=admin.after(letter), **context)


def _since_first(letter: Any, payload: dict[str, Any]) -> list[documents.Line]:
    """Compare with what the job died of the first time, which people may have edited since."""
    first: Any = dead_letter_page.deaths(letter)[0].letter
    original = documents.value(first.payload_text)
    return [] if original is None else documents.compare_payloads(original, payload, letter.job_type)
