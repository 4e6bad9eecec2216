from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from jobs import options, queues
from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.forms import QueueRulesForm
from jobs.admin.history import acts_on
from jobs.exceptions import InvalidOption
from jobs.models import Queue
from jobs.queues import QueueSnapshot


@admin.register(Queue)
class QueueAdmin(ActingAdmin):
    """Queues as they are now. A queue need not have a row of its own: it exists while jobs wait in it."""

    acts = (
        Act(
            "pause",
            "Pause",
            "Workers claim nothing more from this queue. Running jobs go on, and new ones may be submitted.",
            queues.pause,
            "The queue is paused.",
            danger=True,
            offered=lambda queue: not queue.paused,
        ),
        Act(
            "resume",
            "Resume",
            "Workers claim from this queue again, at once.",
            queues.resume,
            "The queue runs again.",
            offered=lambda queue: queue.paused,
        ),
        Act(
            "configure",
            "Set rules",
            "Limits count from now on, with the jobs that run already. Turns are for the jobs that are submitted from "
            "now on.",
            queues.configure,
            "The rules of the queue are set.",
            form=QueueRulesForm,
        ),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = {queue.name: queue for queue in Queue.objects.all()}
        lanes = [
            (lane, row, _words(row), self.buttons(request, Queue(name=lane.name, paused=lane.paused)))
            for lane, row in ((lane, rows.get(lane.name) or Queue(name=lane.name)) for lane in queues.snapshot())
        ]
        return self.page(request, "jobs/queues.html", None, title="Queues", lanes=lanes)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Queue | None:
        try:
            options.check_queue(object_id)
        except InvalidOption:
            return None
        return Queue.objects.filter(pk=object_id).first() or Queue(name=object_id)

    def initial(self, row: Any) -> dict[str, Any]:
        return {name: getattr(row, name) for name in ("concurrency_limit", "rate_limit", "fair")}

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        now = next((lane for lane in queues.snapshot() if lane.name == obj.name), None)
        return {
            **super().detail(request, obj),
            "state": display.badge("paused" if obj.paused else "running"),
            "facts": display.facts(_facts(obj, now or QueueSnapshot(obj.name, 0, 0.0, 0, obj.paused))),
            "history": acts_on(obj.name),
        }


def _words(queue: Queue) -> str:
    phrases = [
        *([f"at most {queue.concurrency_limit:,} at once"] if queue.concurrency_limit else []),
        *([f"at most {queue.rate_limit} started"] if queue.rate_limit else []),
        *(["users take turns"] if queue.fair else []),
    ]
    return ", ".join(phrases)


def _facts(queue: Queue, now: QueueSnapshot) -> dict[str, Any]:
    return {
        "Waiting": f"{'at least ' if now.depth_capped else ''}{now.depth:,}",
        "Oldest due": f"{display.span(now.oldest_age_seconds)} ago" if now.oldest_age_seconds else "none is late",
        "Running": f"{now.processing:,}",
        "Wait for others or an event": f"{now.waiting:,}" if now.waiting else None,
        "Rules": _words(queue),
        "Paused": display.exact(queue.paused_at) if queue.paused else None,
        "Reason": queue.paused_reason,
        "Jobs": format_html('<a href="{}?queue={}">list them</a>', reverse("admin:jobs_job_changelist"), queue.name),
    }
