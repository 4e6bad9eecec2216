"""Saving what is kept with a letter or a group: whose it is, its ticket, its notes. Nothing is moved by it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils.translation import gettext as _

from jobs.admin.acts import ActingAdmin
from jobs.admin.triage_forms import KeepForm
from jobs.exceptions import JobError

#: The verb for each field of the form.
Verbs = Mapping[str, Callable[[Any, Any, Any], Any]]


def keep(admin: ActingAdmin, request: HttpRequest, object_id: str, verbs: Verbs) -> HttpResponse:
    """Save what the page's form says, all of it or nothing; what is wrong is said at its field, with what was typed."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not admin.has_act_permission(request):
        raise PermissionDenied
    row = admin.get_object(request, unquote(object_id))
    if row is None:
        return admin.not_found(request, object_id)
    form = KeepForm(request.POST)
    if not form.is_valid():
        context = {**admin.detail(request, row), "keep_form": form}
        return admin.page(request, admin.detail_template, row, **context)
    try:
        with transaction.atomic():
            for name, value in form.said().items():
                verbs[name](row.pk, request.user, value)
    except JobError as error:
        messages.error(request, str(error))
    except admin.model.DoesNotExist:
        return admin.not_found(request, object_id)
    else:
        messages.success(request, _("Saved."))
    return HttpResponseRedirect(admin.after(row) + "#kept")


def kept(row: Any, notes: str) -> KeepForm:
    """Give the form as it stands on the page."""
    assignee = row.assignee.user_id if row.assignee else ""
    return KeepForm(initial={"assignee": assignee, "ticket": row.ticket, "notes": notes})
