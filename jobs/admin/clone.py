"""A new job after the example of another one: the edit is checked and its difference shown before it is submitted."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from jobs.admin import documents
from jobs.admin.job_forms import CloneForm
from jobs.enqueue import enqueue
from jobs.exceptions import JobError
from jobs.language_rights import check, language_of
from jobs.models import Job
from jobs.models.audit import audit
from jobs.new_job import Enqueued
from jobs.secret_fields import hide, put_back

if TYPE_CHECKING:
    from jobs.admin.job import JobAdmin

#: In the audit log, of the new job and of its example.
ACTION = "clone"
_HIDDEN = ("payload", "queue", "priority", "tags", "metadata", "reason")


def clone_view(admin: "JobAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
    """Ask for the payload and the options; show what was changed; submit."""
    if not admin.has_act_permission(request):
        raise PermissionDenied
    job = admin.get_object(request, unquote(object_id))
    if job is None:
        return admin.not_found(request, object_id)
    payload = documents.value(job.payload_text)
    asked = request.method == "POST"
    form = CloneForm(job.job_type, request.POST if asked else None, original=payload, initial=_initial(job, payload))
    if not asked or not form.is_valid() or "edit" in request.POST:
        return _page(admin, request, job, form)
    if "confirm" not in request.POST:
        return _page(admin, request, job, form, documents.compare_payloads(payload, _edited(form), job.job_type))
    try:
        clone = submit(job, payload, form.cleaned_data, request.user)
    except JobError as error:
        form.add_error(None, str(error))
        return _page(admin, request, job, form)
    if clone.created:
        messages.success(request, _("The clone is submitted."))
    else:
        messages.warning(request, _("Nothing is submitted: this job has the same unique key, and is not done yet."))
    return HttpResponseRedirect(admin.url(clone.id))


@transaction.atomic
def submit(job: Job, payload: Any, chosen: dict[str, Any], actor: Any) -> Enqueued:
    """Submit a job of the same type and owner; raises as enqueue does, and LanguageNotAllowed."""
    if job.user is not None:
        check(job.user, language_of(job.queue))
    whole = put_back(chosen["payload"], payload, job.job_type)
    clone = enqueue(
        job.job_type,
        whole,
        queue=chosen["queue"],
        priority=chosen["priority"],
        tags=chosen["tags"],
        metadata=chosen["metadata"],
        max_retries=job.max_retries,
        timeout=job.timeout,
        **_owner(job),
    )
    if clone.created:
        audit(actor, ACTION, job, chosen["reason"], clone=str(clone.id))
        audit(actor, ACTION, Job(pk=clone.id), chosen["reason"], cloned_from=str(job.pk))
    return clone


def _owner(job: Job) -> Any:
    names = ("user", "workspace", "project_name", "hostname", "arch")
    return {name: value for name in names if (value := getattr(job, name))}


def _initial(job: Any, payload: Any) -> dict[str, Any]:
    return {
        "payload": documents.pretty(hide(payload, job.job_type)),
        "queue": job.queue,
        "priority": job.priority,
        "tags": ", ".join(job.tags),
        "metadata": documents.pretty(documents.value(job.metadata_text) or {}),
    }


def _edited(form: CloneForm) -> Any:
    return form.cleaned_data["payload"]


def _page(admin: "JobAdmin", request: HttpRequest, job: Any, form: CloneForm, lines: Any = None) -> HttpResponse:
    sent = [(name, form[name].value() or "") for name in _HIDDEN] if lines is not None else []
    context = {
        "title": _("Clone with an edited payload"),
        "form": form,
        "lines": lines,
        "same": lines is not None and all(line.kind in {"same", "skipped"} for line in lines),
        "sent": sent,
        "chosen": [(form[name].label, form[name].value()) for name in ("queue", "priority", "tags", "reason")],
        "back": admin.url(job.pk),
    }
    return admin.page(request, "jobs/clone.html", job, **context)
