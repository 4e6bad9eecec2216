from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, TextField, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs import conf
from jobs.admin import display
from jobs.admin.facts import FactsAdmin, anchor
from jobs.admin.filters import Choices, FixedFilter
from jobs.models import ProcessingLock, Worker
from jobs.models.columns import ClockTimestamp


class StateFilter(FixedFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(state, state.capitalize()) for state in ("alive", "silent", "stopped")]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(state=value)


def with_state(workers: QuerySet[Any]) -> QuerySet[Any]:
    """Say whether each, a worker or supervisor, is alive, silent for three heartbeats, or stopped, by the database."""
    silent_since = ClockTimestamp() - timedelta(seconds=3 * conf.heartbeat_interval())
    found: QuerySet[Any] = workers.annotate(
        state=Case(
            When(stopped_at__isnull=False, then=Value("stopped")),
            When(heartbeat_at__lt=silent_since, then=Value("silent")),
            default=Value("alive"),
            output_field=TextField(),
        )
    )
    return found


@admin.register(Worker)
class WorkerAdmin(FactsAdmin):
    list_display = ("id", "condition", "queue_names", "load", "memory", "started", "heartbeat")
    list_filter = (StateFilter,)
    search_fields = ("id__exact", "hostname__exact")
    search_help_text = "A whole worker id or host name."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_state(super().get_queryset(request))

    def detail_queryset(self) -> QuerySet[Any]:
        return with_state(Worker.objects.all())

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        held = ProcessingLock.objects.held_by(obj.pk).order_by("locked_at")
        facts = {
            "Host": obj.hostname,
            "Process": obj.pid,
            "Queues": display.tags(obj.queues) if obj.queues else "all",
            "Job types": display.tags(obj.job_types) if obj.job_types else "all",
            "Supervisor": anchor("supervisor", obj.supervisor, obj.supervisor) if obj.supervisor else "",
            "Load": self.load(obj),
            "Memory": self.memory(obj),
            "Started": display.exact(obj.started_at),
            "Last heartbeat": display.exact(obj.heartbeat_at),
            "Stopping since": display.exact(obj.stopping_at),
            "Stopped": display.exact(obj.stopped_at),
        }
        return {
            **super().detail(request, obj),
            "state": self.condition(obj),
            "facts": display.facts(facts),
            "locks": list(held[:50]),
        }

    @admin.display(description="state")
    def condition(self, worker: Any) -> SafeString:
        return display.badge(worker.state)

    @admin.display(description="queues")
    def queue_names(self, worker: Worker) -> str:
        return ", ".join(worker.queues) or "all"

    @admin.display(description="busy")
    def load(self, worker: Worker) -> str:
        return f"{worker.running} of {worker.concurrency}"

    @admin.display(description="memory")
    def memory(self, worker: Worker) -> str:
        return f"{worker.rss_mb:.0f} MB" if worker.rss_mb else ""

    @admin.display(description="started")
    def started(self, worker: Worker) -> SafeString:
        return display.moment(worker.started_at)

    @admin.display(description="last heartbeat")
    def heartbeat(self, worker: Worker) -> SafeString:
        return display.moment(worker.heartbeat_at)
