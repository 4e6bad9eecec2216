from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.admin import display
from jobs.admin.facts import FactsAdmin
from jobs.admin.worker import StateFilter, with_state
from jobs.models import Supervisor, Worker


@admin.register(Supervisor)
class SupervisorAdmin(FactsAdmin):
    """Who scales worker processes, how many they have and may have, and why."""

    nothing_yet = "Workers that scale themselves stand here: runworker --processes 1-10 --autoscale starts some."
    list_display = ("id", "condition", "processes", "bounds", "reason", "decided", "heartbeat")
    list_filter = (StateFilter,)
    search_fields = ("id__exact", "hostname__exact")
    search_help_text = "A whole id or host name."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.detail_queryset()

    def detail_queryset(self) -> QuerySet[Any]:
        return with_state(Supervisor.objects.all())

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        workers = Worker.objects.running().filter(supervisor=obj.pk).values_list("pk", flat=True)
        facts = {
            "Host": obj.hostname,
            "Process": obj.pid,
            "Queues": display.tags(obj.queues) if obj.queues else "all",
            "Job types": display.tags(obj.job_types) if obj.job_types else "all",
            "Processes": self.processes(obj),
            "Bounds": self.bounds(obj),
            "Reason": obj.reason,
            "Last change": display.exact(obj.decided_at),
            "Added": obj.added,
            "Drained": obj.drained,
            "Replaced": obj.replaced,
            "Workers": display.tags(list(workers[:100])),
            "Started": display.exact(obj.started_at),
            "Last heartbeat": display.exact(obj.heartbeat_at),
            "Stopped": display.exact(obj.stopped_at),
        }
        return {**super().detail(request, obj), "state": self.condition(obj), "facts": display.facts(facts)}

    @admin.display(description="state")
    def condition(self, supervisor: Any) -> SafeString:
        return display.badge(supervisor.state)

    @admin.display(description="processes")
    def processes(self, supervisor: Supervisor) -> str:
        ending = f", {supervisor.draining} ending" if supervisor.draining else ""
        return f"{supervisor.actual} of {supervisor.target}{ending}"

    @admin.display(description="bounds")
    def bounds(self, supervisor: Supervisor) -> str:
        return f"{supervisor.least} to {supervisor.most}"

    @admin.display(description="last change")
    def decided(self, supervisor: Supervisor) -> SafeString:
        return display.moment(supervisor.decided_at)

    @admin.display(description="last heartbeat")
    def heartbeat(self, supervisor: Supervisor) -> SafeString:
        return display.moment(supervisor.heartbeat_at)
