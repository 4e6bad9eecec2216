"""Opening a session from the console, and executing one's own."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from jobs import sessions
from jobs.admin.session_forms import OpenSessionForm
from jobs.exceptions import JobError
from jobs.models import Session
from jobs.models.audit import audit

if TYPE_CHECKING:
    from jobs.admin.acts import ActingAdmin


def open_view(admin: "ActingAdmin", request: HttpRequest) -> HttpResponse:
    """Open a session of whoever is logged in."""
    if not admin.has_add_permission(request):
        raise PermissionDenied
    form = OpenSessionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (made := _opened(request, form)):
        messages.success(request, _("The session is open."))
        return HttpResponseRedirect(admin.url(made.pk))
    return admin.page(request, "jobs/session_form.html", None, title=_("Open a session"), form=form)


@transaction.atomic
def execute(request_id: str, actor: Any, params: dict[str, Any], reason: str = "") -> None:
    """Execute one's own session, and note it. Raises as sessions.execute does."""
    session = Session.objects.with_condition().get(pk=request_id)
    submitted = sessions.execute(session, actor, params)
    audit(actor, "execute", session, reason, job=str(submitted.id))


@transaction.atomic
def _opened(request: HttpRequest, form: OpenSessionForm) -> Session | None:
    said = form.cleaned_data
    try:
        made = sessions.open_session(
            request.user, sessions.NewSession(said["function"], said["context"], {}, said["ttl"])
        )
    except JobError as error:
        form.add_error(None, str(error))
        return None
    audit(request.user, "open", made)
    return made
