"""Redriving with an edited payload: the edit is checked, its difference shown, and only then is it done."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect

from jobs import dead_letters
from jobs.admin import documents
from jobs.admin.acts import Act
from jobs.admin.forms import PayloadForm, ReasonForm

if TYPE_CHECKING:
    from jobs.admin.dead_letter import DeadLetterAdmin

EDITED = Act(
    "redrive",
    "Redrive with this payload",
    "The job is pending again and due now, with all its retries and the edited payload. "
    "The letter keeps the payload it died of, and the difference.",
    dead_letters.redrive,
    "Redriven with the edited payload: the job is pending again.",
)


class EditedForm(PayloadForm, ReasonForm):
    """The confirmation: the payload travels along hidden, and is checked again when it comes back."""

    payload = forms.CharField(strip=False, widget=forms.HiddenInput)


def preview(admin: "DeadLetterAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not admin.has_act_permission(request):
        raise PermissionDenied
    letter = admin.get_object(request, unquote(object_id))
    if letter is None:
        return admin.not_found(request, object_id)
    edit = PayloadForm(letter.job_type, request.POST, original=documents.value(letter.payload_text))
    if not edit.is_valid():
        context = {**admin.detail(request, letter), "payload_form": edit}
        return admin.page(request, admin.detail_template, letter, **context)
    payload = edit.cleaned_data["payload"]
    confirmed = EditedForm(letter.job_type, request.POST, original=documents.value(letter.payload_text))
    if "confirm" in request.POST and confirmed.is_valid():
        admin.perform(request, EDITED, letter, {"payload": payload, "reason": confirmed.cleaned_data["reason"]})
        return HttpResponseRedirect(admin.after(letter))
    return _ask(admin, request, letter, payload)


def _ask(admin: "DeadLetterAdmin", request: HttpRequest, letter: Any, payload: dict[str, Any]) -> HttpResponse:
    lines = documents.compare_payloads(documents.value(letter.payload_text), payload, letter.job_type)
    form = EditedForm(letter.job_type, initial={"payload": documents.pretty(payload)})
    same = all(line.kind in {"same", "skipped"} for line in lines)
    context = {"form": form, "lines": lines, "same": same, "act": EDITED, "title": "Redrive with an edited payload"}
    return admin.page(request, "jobs/redrive.html", letter, back=admin.after(letter), **context)
