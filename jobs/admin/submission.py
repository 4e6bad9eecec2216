"""Submitting jobs from the console, for whoever is logged in: one, or a batch of one type."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs import batches, catalogue, language_rights
from jobs.admin import documents
from jobs.admin.submission_forms import NewBatchForm, NewJobForm, TypeForm
from jobs.enqueue import enqueue
from jobs.exceptions import InvalidPayload, JobError
from jobs.models import Batch, Function, Job
from jobs.models.audit import audit
from jobs.new_job import NewJob
from jobs.registry import registry

if TYPE_CHECKING:
    from jobs.admin.acts import ActingAdmin

#: In the audit log.
ACTION = "submit"


def new_job_view(admin: "ActingAdmin", request: HttpRequest) -> HttpResponse:
    """Ask for the type, then for the payload and options; submit, and go to the job."""
    return _asked(admin, request, _("Submit a job"), _new_job_form, _submit_job)


def new_batch_view(admin: "ActingAdmin", request: HttpRequest) -> HttpResponse:
    """Ask for the type, then for a payload a line; submit all of them or none, and go to the batch."""
    return _asked(admin, request, _("Submit a batch"), _new_batch_form, _submit_batch)


def _asked(
    admin: "ActingAdmin",
    request: HttpRequest,
    title: str,
    form_of: Callable[[str, Any], Any],
    submit: Callable[[HttpRequest, str, Any], str],
) -> HttpResponse:
    if not admin.has_add_permission(request):
        raise PermissionDenied
    kind = TypeForm(request.GET if "type" in request.GET else None)
    if not kind.is_valid():
        return _page(admin, request, title, kind)
    job_type = kind.cleaned_data["type"]
    form = form_of(job_type, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(admin.url(submit(request, job_type, form)))
        except InvalidPayload as error:
            form.add_error(None, [f"{error.field}{wrong.pointer}: {wrong.detail}" for wrong in error.violations[:10]])
        except JobError as error:
            form.add_error(None, str(error))
    return _page(admin, request, title, form, job_type)


def _page(admin: "ActingAdmin", request: HttpRequest, title: str, form: Form, job_type: str = "") -> HttpResponse:
    described = catalogue.function_of_job_type(job_type).description if job_type else ""
    context = {"title": title, "form": form, "job_type": job_type, "described": described}
    return admin.page(request, "jobs/submission.html", None, **context)


def _new_job_form(job_type: str, posted: Any) -> NewJobForm:
    return NewJobForm(job_type, posted, initial={"payload": _example(job_type), **_usual(job_type)})


def _new_batch_form(job_type: str, posted: Any) -> NewBatchForm:
    return NewBatchForm(posted, initial=_usual(job_type))


def _usual(job_type: str) -> dict[str, Any]:
    entry = catalogue.function_of_job_type(job_type)
    return {"queue": entry.queue, "priority": entry.priority}


def _example(job_type: str) -> str:
    if job_type in registry:
        examples: Any = registry.get(job_type).examples
    else:
        examples = Function.objects.values_list("examples", flat=True).get(language_title=job_type)
    return documents.pretty(next(iter(examples or ()), {}))


@transaction.atomic
def _submit_job(request: HttpRequest, job_type: str, form: NewJobForm) -> str:
    _refuse(request, job_type)
    made = enqueue(job_type, form.cleaned_data["payload"], user=request.user, **form.chosen())
    if made.created:
        audit(request.user, ACTION, Job(pk=made.id))
        messages.success(request, _("The job is submitted."))
    else:
        messages.warning(request, _("Nothing is submitted: this job has the same unique key, and is not done yet."))
    return str(made.id)


@transaction.atomic
def _submit_batch(request: HttpRequest, job_type: str, form: NewBatchForm) -> str:
    _refuse(request, job_type)
    payloads, chosen = form.cleaned_data["payloads"], form.chosen()
    members = [NewJob(job_type, payload, chosen) for payload in payloads]  # type: ignore[arg-type]
    made = batches.enqueue_batch(members, name=form.cleaned_data["name"], user=request.user)
    audit(request.user, ACTION, Batch(pk=made.id), jobs=len(members))
    words = ngettext("A batch of %(count)s job is submitted.", "A batch of %(count)s jobs is submitted.", len(members))
    messages.success(request, words % {"count": f"{len(members):,}"})
    return str(made.id)


def _refuse(request: HttpRequest, job_type: str) -> None:
    """Raise FunctionInactive or LanguageNotAllowed where this person may not have it run now."""
    function = catalogue.function_of_job_type(job_type)
    function.refuse_inactive()
    language_rights.check(request.user, function.language)
