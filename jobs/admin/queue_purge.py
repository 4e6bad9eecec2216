"""Emptying a queue from the console: the count first, the name typed, and the moment of the look as the cut."""

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.timezone import now
from django.utils.translation import gettext as _

from jobs import purging
from jobs.admin.facts import link_to
from jobs.admin.queue_forms import PurgeForm
from jobs.exceptions import JobError

if TYPE_CHECKING:
    from jobs.admin.queue import QueueAdmin


def ask(admin: "QueueAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
    """Say how many jobs wait, and ask; then begin the operation that ends them, and go to its page."""
    if not admin.has_act_permission(request):
        raise PermissionDenied
    queue = admin.get_object(request, object_id)
    if queue is None:
        return admin.not_found(request, object_id)
    start = {"what": "cancel", "before": now().isoformat()}
    form = PurgeForm(queue.name, request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            begun = purging.purge(
                queue.name, request.user, chosen["reason"], action=chosen["what"], before=chosen["before"]
            )
        except JobError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("What waits in %(name)s is being ended.") % {"name": queue.name})
            return HttpResponseRedirect(link_to("bulkoperation", begun.pk))
    before = form.cleaned_data.get("before") if form.is_bound else None
    context = {"form": form, "found": purging.look(queue.name, before), "back": admin.url(queue.pk)}
    return admin.page(request, "jobs/queue_purge.html", queue, title=_("Purge"), **context)
