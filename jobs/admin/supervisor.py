from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import display
from jobs.admin.facts import FactsAdmin
from jobs.admin.worker import StateFilter, with_state, words
from jobs.models import Supervisor, Worker


@admin.register(Supervisor)
class SupervisorAdmin(FactsAdmin):
    """Who scales worker processes, how many they have and may have, and why."""

    nothing_yet = gettext_lazy(
        "Workers that scale themselves stand here: runworker --processes 1-10 --autoscale starts some."
    )
    list_display = ("id", "condition", "processes", "bounds", "reason", "decided", "heartbeat")
    list_filter = (StateFilter,)
    search_fields = ("id__exact", "hostname__exact")
    search_help_text = gettext_lazy("A whole id or host name.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.detail_queryset()

    def detail_queryset(self) -> QuerySet[Any]:
        return with_state(Supervisor.objects.all())

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        workers = Worker.objects.running().filter(supervisor=obj.pk).values_list("pk", flat=True)
        facts = {
            _("Host"): obj.hostname,
            _("Process"): obj.pid,
            _("Queues"): display.tags(obj.queues) if obj.queues else _("all"),
            _("Job types"): display.tags(obj.job_types) if obj.job_types else _("all"),
            _("Processes"): self.processes(obj),
            _("Bounds"): self.bounds(obj),
            _("Reason"): obj.reason,
            _("Last change"): display.exact(obj.decided_at),
            _("Added"): obj.added,
            _("Drained"): obj.drained,
            _("Replaced"): obj.replaced,
            _("Workers"): display.tags(list(workers[:100])),
            _("Started"): display.exact(obj.started_at),
            _("Last heartbeat"): display.exact(obj.heartbeat_at),
            _("Stopped"): display.exact(obj.stopped_at),
        }
        return {**super().detail(request, obj), "state": self.condition(obj), "facts": display.facts(facts)}

    @admin.display(description=gettext_lazy("state"))
    def condition(self, supervisor: Any) -> SafeString:
        return display.badge(supervisor.state, words(supervisor.state))

    @admin.display(description=gettext_lazy("processes"))
    def processes(self, supervisor: Supervisor) -> str:
        told = {"actual": supervisor.actual, "target": supervisor.target, "ending": supervisor.draining}
        if supervisor.draining:
            return _("%(actual)s of %(target)s, %(ending)s ending") % told
        return _("%(actual)s of %(target)s") % told

    @admin.display(description=gettext_lazy("bounds"))
    def bounds(self, supervisor: Supervisor) -> str:
        return _("%(least)s to %(most)s") % {"least": supervisor.least, "most": supervisor.most}

    @admin.display(description=gettext_lazy("last change"))
    def decided(self, supervisor: Supervisor) -> SafeString:
        return display.moment(supervisor.decided_at)

    @admin.display(description=gettext_lazy("last heartbeat"))
    def heartbeat(self, supervisor: Supervisor) -> SafeString:
        return display.moment(supervisor.heartbeat_at)
