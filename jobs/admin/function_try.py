"""Trying a function out from the console: a form of its schema, and what came of the call."""

import time
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from jobs import catalogue, trying
from jobs.admin import display, documents
from jobs.admin.forms import ReasonForm
from jobs.admin.schema_form import SchemaForm
from jobs.exceptions import InvalidPayload, JobError
from jobs.models import Function, Job
from jobs.secret_fields import hide
from jobs.statuses import SETTLED

if TYPE_CHECKING:
    from jobs.admin.function import FunctionAdmin

#: So long the page waits for a call that is quick; then it is kept up to date.
WAIT_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.1


def ask(admin: "FunctionAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the form of the function's schema; call it; show what came of it."""
    if not admin.has_act_permission(request):
        raise PermissionDenied
    function = admin.get_object(request, object_id)
    if function is None:
        return admin.not_found(request, object_id)
    schema = _schema(function)
    sent = request.POST if request.method == "POST" else None
    form = SchemaForm(schema, sent, start=_start(request, function))
    reason = ReasonForm(sent)
    if sent is not None and form.is_valid() and reason.is_valid():
        job_id = _call(request, function, form, reason.cleaned_data["reason"])
        if job_id is not None:
            return HttpResponseRedirect(f"{admin.act_url('try', function.pk)}?job={job_id}")
    context = {
        "form": form,
        "reason": reason,
        "examples": range(len(function.examples or [])) if isinstance(function.examples, list) else (),
        "back": admin.url(function.pk),
        "here": admin.act_url("try", function.pk),
        **_result(request, function),
    }
    return admin.page(request, "jobs/function_try.html", function, title=_("Try it out"), **context)


def _schema(function: Function) -> dict[str, Any]:
    try:
        schema = catalogue.function_of(function.language_title).schema
    except JobError:
        # Its handler is gone; calling it says so.
        schema = function.schema_definition or {}
    return schema if isinstance(schema, dict) else {}


def _start(request: HttpRequest, function: Function) -> dict[str, Any]:
    """Give the example that was chosen, without what is secret in it."""
    chosen, examples = request.GET.get("example", ""), function.examples
    if isinstance(examples, list) and chosen.isascii() and chosen.isdigit() and int(chosen) < len(examples):
        example = hide(examples[int(chosen)], function.language_title)
        return example if isinstance(example, dict) else {}
    return {}


def _call(request: HttpRequest, function: Function, form: SchemaForm, reason: str) -> UUID | None:
    try:
        return trying.try_out(function.language_title, form.params(), request.user, reason).id
    except InvalidPayload as error:
        form.blame(error.violations)
    except JobError as error:
        messages.error(request, str(error))
    return None


def _result(request: HttpRequest, function: Function) -> dict[str, Any]:
    """Give the job of a call; one that has just been made is waited for a moment."""
    try:
        job_id = UUID(request.GET["job"])
    except (KeyError, ValueError):
        return {}
    job = _look(job_id)
    until = time.monotonic() + (0 if request.headers.get("HX-Request") else WAIT_SECONDS)
    while job is not None and job.status not in SETTLED and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        job = _look(job_id)
    if job is None or not job.metadata.get(trying.MARK):
        return {}
    result = documents.show(job.result_text)
    return {"job": job, "result": result, "took": display.span(job.run_time), "going": job.status not in SETTLED}


def _look(job_id: UUID) -> Any:
    shown = Job.objects.visible().filter(pk=job_id).defer("payload", "result")
    return shown.annotate(result_text=documents.as_text("result")).first()
