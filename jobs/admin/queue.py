from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs import options, queues
from jobs.admin import display, queue_purge
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.forms import QueueRulesForm, ReasonForm
from jobs.admin.history import acts_on
from jobs.admin.queue_board import Lane, board, rules_in_words
from jobs.admin.queue_charts import charts
from jobs.admin.queue_forms import PauseForm
from jobs.exceptions import InvalidOption, JobError
from jobs.models import Job, Queue
from jobs.statuses import Status

#: Jobs that the page of a queue lists, and how many waiting and dead ones it looks at to say what they are.
LISTED: Final = 10
LOOKED_AT: Final = 1_000
_SHOWN: Final = ("pk", "job_type", "priority", "scheduled_at", "retry_count")

_EFFECT_OF_ALL: Final = {
    "pause-all": gettext_lazy(
        "Workers claim nothing more from any of these queues. Running jobs go on, and new ones may be submitted. "
        "Queues that are paused already stay as they are."
    ),
    "resume-all": gettext_lazy("Workers claim from all of these queues again, at once, whoever has paused them."),
}
_NAME_OF_ALL: Final = {"pause-all": gettext_lazy("Pause all queues"), "resume-all": gettext_lazy("Resume all queues")}


@admin.register(Queue)
class QueueAdmin(ActingAdmin):
    """Queues as they are now. A queue need not have a row of its own: it exists while jobs wait in it."""

    detail_template = "jobs/queue.html"
    acts = (
        Act(
            "pause",
            gettext_lazy("Pause"),
            gettext_lazy(
                "Workers claim nothing more from this queue. Running jobs go on, and new ones may be submitted."
            ),
            queues.pause,
            gettext_lazy("The queue is paused."),
            form=PauseForm,
            danger=True,
            offered=lambda queue: not queue.paused,
        ),
        Act(
            "resume",
            gettext_lazy("Resume"),
            gettext_lazy("Workers claim from this queue again, at once."),
            queues.resume,
            gettext_lazy("The queue runs again."),
            offered=lambda queue: queue.paused,
        ),
        Act(
            "configure",
            gettext_lazy("Set rules"),
            gettext_lazy(
                "Limits count from now on, with the jobs that run already. Turns are for the jobs that are submitted "
                "from now on."
            ),
            queues.configure,
            gettext_lazy("The rules of the queue are set."),
            form=QueueRulesForm,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        def view(name: str, found: Callable[..., HttpResponse]) -> URLPattern:
            return path(f"{name}/", self.admin_site.admin_view(found), name=f"jobs_queue_{name.rpartition('/')[2]}")

        return [
            view("pause-all", lambda request: self.all_view(request, "pause-all")),
            view("resume-all", lambda request: self.all_view(request, "resume-all")),
            view("<path:object_id>/purge", lambda request, object_id: queue_purge.ask(self, request, object_id)),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.within_limit(request, lambda: self._list(request))

    def _list(self, request: HttpRequest) -> HttpResponse:
        seen = board()
        lanes = [self._with_buttons(request, lane) for lane in seen.lanes]
        context = {"board": replace(seen, lanes=lanes), "may_act": self.has_act_permission(request)}
        return self.page(request, "jobs/queues.html", None, title=_("Queues"), **context)

    def _with_buttons(self, request: HttpRequest, lane: Lane) -> Lane:
        return replace(lane, buttons=self.buttons(request, lane.row))

    def all_view(self, request: HttpRequest, act: str) -> HttpResponse:
        """Ask, with the names of the queues; then pause or resume all of them."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        pausing = act == "pause-all"
        form = (PauseForm if pausing else ReasonForm)(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            self._do_to_all(request, pausing, form.cleaned_data)
            return HttpResponseRedirect(self.list_url())
        paused = set(Queue.objects.filter(paused=True).values_list("name", flat=True))
        names = [name for name in queues.known() if name not in paused] if pausing else sorted(paused)
        context = {"names": names, "effect": _EFFECT_OF_ALL[act], "form": form, "danger": pausing}
        return self.page(request, "jobs/queues_all.html", None, title=_NAME_OF_ALL[act], **context)

    def _do_to_all(self, request: HttpRequest, pausing: bool, chosen: dict[str, Any]) -> None:
        try:
            done = (queues.pause_all if pausing else queues.resume_all)(request.user, **chosen)
        except JobError as error:
            messages.error(request, str(error))
            return
        count = {"count": f"{len(done):,}"}
        if not done:
            said = _("No queue was open.") if pausing else _("No queue was paused.")
        elif pausing:
            said = ngettext("%(count)s queue is paused.", "%(count)s queues are paused.", len(done)) % count
        else:
            said = ngettext("%(count)s queue runs again.", "%(count)s queues run again.", len(done)) % count
        messages.success(request, said)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Queue | None:
        try:
            options.check_queue(object_id)
        except InvalidOption:
            return None
        return Queue.objects.filter(pk=object_id).first() or Queue(name=object_id)

    def initial(self, row: Any) -> dict[str, Any]:
        return {name: getattr(row, name) for name in ("concurrency_limit", "rate_limit", "fair")}

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        (lane,) = board(obj).lanes
        waiting = _waiting(obj.name)
        jobs = f"{reverse('admin:jobs_job_changelist')}?queue={obj.name}"
        return {
            **super().detail(request, obj),
            "state": display.badge("paused" if obj.paused else "running", _("paused") if obj.paused else _("running")),
            "lane": lane,
            "facts": display.facts(_facts(obj)),
            "next_jobs": waiting[:LISTED],
            "running_jobs": list(_brief(_running(obj.name))),
            "types": Counter(job["job_type"] for job in waiting).most_common(12),
            "looked_at": LOOKED_AT,
            "dead": _dead(obj.name),
            "jobs_url": jobs,
            "purge_url": self.act_url("purge", obj.pk) if self.has_act_permission(request) else "",
            **charts(obj.name, request.GET.get("range", ""), lane.flow.points),
            "history": acts_on(obj.name),
        }


def _waiting(queue: str) -> list[dict[str, Any]]:
    """Give what is next in the open lane; of a queue in which all jobs take turns, some of those."""
    waiting = Job.objects.visible().startable().filter(queue=queue).values(*_SHOWN)
    found = list(waiting.filter(lane_key=None).order_by("-priority", "scheduled_at", "id")[:LOOKED_AT])
    turns = waiting.filter(lane_key__isnull=False).order_by("-priority", "lane_key", "scheduled_at", "id")
    return found or list(turns[:LOOKED_AT])


def _running(queue: str) -> QuerySet[Job]:
    return Job.objects.visible().filter(status=Status.PROCESSING, queue=queue).order_by("started_at", "id")[:LISTED]


def _brief(jobs: QuerySet[Job]) -> QuerySet[Job]:
    return jobs.only("id", "job_type", "status", "priority", "scheduled_at", "started_at", "retry_count", "progress")


def _dead(queue: str) -> int:
    """Count the queue's among the newest dead letters of all queues."""
    newest = Job.objects.visible().filter(status=Status.DEAD_LETTER).order_by("-id").values_list("queue", flat=True)
    return sum(name == queue for name in newest[:LOOKED_AT])


def _facts(queue: Queue) -> dict[str, Any]:
    paused = {
        _("Paused"): display.exact(queue.paused_at),
        _("By"): queue.paused_by,
        _("Reason"): queue.paused_reason,
        _("Resumes by itself"): display.exact(queue.resume_at) if queue.resume_at else _("no"),
    }
    return {**(paused if queue.paused else {}), _("Rules"): rules_in_words(queue) or _("none")}
