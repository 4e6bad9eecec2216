from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs import batches
from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.facts import anchor
from jobs.admin.filters import WindowFilter
from jobs.admin.graph import Graph, graph
from jobs.admin.history import acts_on
from jobs.admin.submission import new_batch_view
from jobs.admin.workflow_submission import new_workflow_view
from jobs.models import Batch, Dependency, Job
from jobs.statuses import Status

#: A larger workflow is a table: nobody reads a picture of it.
MOST_DRAWN: Final = 100
MOST_LISTED: Final = 200


@admin.register(Batch)
class BatchAdmin(ActingAdmin):
    live = True
    list_display = ("key", "name", "total", "owner", "created")
    list_filter = (WindowFilter,)
    list_select_related = ("user",)
    search_fields = ("id__exact",)
    search_help_text = _("A whole id.")
    add_label = _("Submit a batch")
    also_added = ((_("Submit a workflow"), "workflow/"),)
    heavy = ("steps", "metadata")
    detail_template = "jobs/batch.html"
    acts = (
        Act(
            "cancel",
            _("Cancel"),
            _(
                "What has not started is cancelled, what runs is asked to stop. "
                "A job that runs when all have ended, runs."
            ),
            batches.cancel,
            _("What had not started is cancelled, what runs is asked to stop."),
            danger=True,
            offered=lambda batch: batches.count(batch).progress < 100,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Submit many jobs of one type."""
        return new_batch_view(self, request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.workflow_view)
        return [path("workflow/", view, name="jobs_batch_workflow"), *super().get_urls()]

    def workflow_view(self, request: HttpRequest) -> HttpResponse:
        """Submit steps that run after each other."""
        return new_workflow_view(self, request)

    def detail_queryset(self) -> QuerySet[Any]:
        return Batch.objects.select_related("user")

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        counts = batches.count(obj)
        listed = list(
            Job.objects.filter(batch=obj)
            .order_by("id")
            .values_list("id", "job_type", "status", "error_message")[:MOST_LISTED]
        )
        names = {UUID(job_id): name for name, job_id in (obj.steps or {}).items()}
        return {
            **super().detail(request, obj),
            "counts": [
                (display.badge(status, str(Status(status).label)), f"{count:,}")
                for status, count in counts.by_status.items()
                if count
            ],
            "progress": counts.progress,
            "going": counts.progress < 100,
            "facts": display.facts(
                {
                    _("Jobs"): f"{obj.total:,}",
                    _("Afterwards"): anchor("job", obj.callback, obj.callback) if obj.callback else None,
                    _("Owner"): obj.user,
                    _("Submitted"): display.exact(obj.created_at),
                }
            ),
            "graph": _drawn(names) if names and len(names) <= MOST_DRAWN else None,
            "rows": [
                (names.get(job_id, ""), anchor("job", job_id, f"…{str(job_id)[-10:]}"), job_type, status, error)
                for job_id, job_type, status, error in listed
            ],
            "more": max(0, obj.total + (obj.callback is not None) - len(listed)),
            "history": acts_on(obj.pk),
        }

    @admin.display(description=_("id"))
    def key(self, batch: Batch) -> SafeString:
        return display.key(batch.pk)

    @admin.display(description=_("owner"))
    def owner(self, batch: Batch) -> str:
        return str(batch.user or "")

    @admin.display(description=_("created"))
    def created(self, batch: Batch) -> SafeString:
        return display.moment(batch.created_at)


def _drawn(names: dict[UUID, str]) -> Graph:
    statuses = dict(Job.objects.filter(pk__in=names).order_by().values_list("id", "status"))
    edges = Dependency.objects.filter(job__in=names).order_by("id")
    return graph(names, statuses, edges.values_list("job_id", "depends_on_id", "condition"))
