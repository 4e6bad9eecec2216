"""Submitting a workflow from the console, for whoever is logged in."""

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from jobs import catalogue, language_rights
from jobs.admin.submission import ACTION
from jobs.admin.workflow_form import NewWorkflowForm
from jobs.exceptions import JobError
from jobs.models import Batch
from jobs.models.audit import audit
from jobs.workflows import enqueue_workflow

if TYPE_CHECKING:
    from jobs.admin.acts import ActingAdmin


def new_workflow_view(admin: "ActingAdmin", request: HttpRequest) -> HttpResponse:
    """Ask for the steps; submit all of them or none, and go to their batch."""
    if not admin.has_add_permission(request):
        raise PermissionDenied
    form = NewWorkflowForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            batch = _submit(request, form)
        except JobError as error:
            form.add_error("steps", str(error))
        else:
            messages.success(request, _("The workflow is submitted."))
            return HttpResponseRedirect(admin.url(batch.pk))
    return admin.page(request, "jobs/workflow_form.html", None, title=_("Submit a workflow"), form=form)


@transaction.atomic
def _submit(request: HttpRequest, form: NewWorkflowForm) -> Batch:
    steps = form.cleaned_data["steps"]
    for step in steps.values():
        function = catalogue.function_of_job_type(step.job.job_type)
        function.refuse_inactive()
        language_rights.check(request.user, function.language)
    made = enqueue_workflow(steps, name=form.cleaned_data["name"], user=request.user)
    batch = Batch(pk=made.id)
    audit(request.user, ACTION, batch, steps=len(steps))
    return batch
