from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from jobs.admin import documents, job_page
from jobs.admin.acts import Act
from jobs.admin.box import reading_of
from jobs.admin.clone import clone_view
from jobs.admin.completion import completions
from jobs.admin.filters import DeletedJobsFilter, QueueFilter, ScheduleFilter, StatusFilter, TypeFilter, WindowFilter
from jobs.admin.forms import PriorityForm
from jobs.admin.job_acts import ACTS
from jobs.admin.job_choices import without_empty
from jobs.admin.job_columns import USUAL, JobColumns
from jobs.admin.job_export import TYPES, export
from jobs.admin.job_list import JobList
from jobs.admin.job_selector import job_selector
from jobs.admin.many import AT_ONCE, ManyAdmin
from jobs.admin.moment_filters import FromFilter, ToFilter
from jobs.admin.revealing import RevealingAdmin
from jobs.admin.searching import Answer, shown_before
from jobs.admin.submission import new_job_view
from jobs.admin.tasks import waited_for
from jobs.dead_letters import BulkReport
from jobs.enqueue import enqueue
from jobs.exceptions import SearchBusy, SearchTooBroad
from jobs.models import Event, Job, Task

_DOCUMENTS: Final = {"payload": _("Payload"), "result": _("Result"), "metadata": _("Metadata")}

#: Its page asks for a payload first; what it does is done there.
CLONE: Final = Act("clone", _("Clone"), "", enqueue, "")


def _document(job: Any, name: str) -> documents.Document | None:
    return documents.show(getattr(job, f"{name}_text"), job.job_type if name == "payload" else None)


@admin.register(Job)
class JobAdmin(JobColumns, RevealingAdmin, ManyAdmin):
    list_display = ("key", *USUAL)
    add_label = _("Submit a job")
    list_display_links = ("key",)
    list_filter = (
        *(StatusFilter, TypeFilter, QueueFilter, WindowFilter, FromFilter, ToFilter, DeletedJobsFilter, ScheduleFilter),
    )
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = _(
        "An id or its beginning, a whole tag, words of an error, or conditions: status:failed type:summarize "
        "user_email:ada@example.org project:compiler* host:farm-2 metadata.branch:main. AND, OR, NOT and parentheses "
        "join them."
    )
    heavy = (*_DOCUMENTS, "error_history", "error_details", "error_message", "progress_message")
    detail_template = "jobs/job.html"
    acts = ACTS
    many = ("cancel", "retry", "priority", "delete", "restore")
    many_forms: ClassVar[dict[str, Any]] = {"priority": PriorityForm}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Submit a job."""
        return new_job_view(self, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        jobs: QuerySet[Job] = super().get_queryset(request)
        return jobs.annotate(error_head=Left("error_message", 120))

    def detail_queryset(self) -> QuerySet[Job]:
        texts = {f"{name}_text": documents.as_text(name) for name in _DOCUMENTS}
        jobs = Job.objects.defer(*_DOCUMENTS).select_related("user", "workspace", "schedule")
        mine = {"job": OuterRef("pk")}
        return jobs.annotate(
            has_tasks=Exists(Task.objects.filter(**mine)), has_events=Exists(Event.objects.filter(**mine)), **texts
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[JobList]:
        return JobList

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(self.shown_columns(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # JobList searches: it knows the filters too, which the engine is told of.
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.complete_view)
        clone = self.admin_site.admin_view(partial(clone_view, self))
        return [
            path("complete/", view, name="jobs_job_complete"),
            path("export/", self.admin_site.admin_view(self.export_view), name="jobs_job_export"),
            path("<path:object_id>/clone/", clone, name="jobs_job_clone"),
            *super().get_urls(),
        ]

    def complete_view(self, request: HttpRequest) -> HttpResponse:
        """Give what the query that is being typed may go on with, as JSON."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return completions(request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        # A form sends what nobody has chosen as well.
        request.GET = cast(Any, without_empty(request.GET))
        return super().get_changelist_instance(request)

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Give what the list finds as a file."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = request.POST.get("format", "")
        if not self.has_view_permission(request) or form not in TYPES:
            raise PermissionDenied
        changelist = self.get_changelist_instance(request)
        return export(changelist.queryset, form, request.user, changelist.as_words)

    def many_view(self, request: HttpRequest, act: str) -> HttpResponse:
        """Ask about, and then act on, the jobs that were shown: a form for a query names them."""
        if request.method == "POST" and reading_of(request).tree is not None and shown_before(request) is None:
            raise SuspiciousOperation("The form names no jobs that its query has found.")
        return super().many_view(request, act)

    def within_limit(self, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            return super().within_limit(request, answer)
        except SearchTooBroad:
            return self.too_slow(request)
        except SearchBusy:
            return self.too_slow(request, busy=True)

    def selector(self, request: HttpRequest) -> dict[str, Any] | None:
        return job_selector(request)

    def asked_beside(self, request: HttpRequest, rows: QuerySet[Any]) -> dict[str, Any]:
        # The answer to a query may be another one a moment later, by the other source even: the act is for these.
        answer: Answer | None = getattr(request, "_ekiden_answer", None)
        if answer is None:
            return {}
        shown = rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
        return {"shown": " ".join(map(str, shown)), "cut": answer.cut}

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            **super().detail(request, obj),
            **job_page.shown(request, obj),
            "documents": [(label, _document(obj, name)) for name, label in _DOCUMENTS.items()],
        }

    def buttons(self, request: HttpRequest, row: Any) -> list[tuple[Act, str]]:
        if not self.has_act_permission(request):
            return []
        return [(CLONE, self.act_url("clone", row.pk)), *super().buttons(request, row)]

    def initial(self, row: Any) -> dict[str, Any]:
        return {
            "priority": row.priority,
            "queue": row.queue,
            "scheduled_at": row.scheduled_at,
            "expected_version": row.version,
            "name": waited_for(row),
        }

    def perform_many(self, act: Act, rows: QuerySet[Any], actor: Any, chosen: dict[str, Any]) -> BulkReport:
        if "priority" in chosen:
            # Those that have it already would be all that a second run finds.
            rows = rows.exclude(priority=chosen["priority"])
        return super().perform_many(act, rows, actor, chosen)
