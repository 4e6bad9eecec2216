from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs.admin import display, documents, highlights, job_page
from jobs.admin.acts import Act
from jobs.admin.box import reading_of
from jobs.admin.clone import clone_view
from jobs.admin.completion import completions
from jobs.admin.filters import DeletedJobsFilter, QueueFilter, ScheduleFilter, StatusFilter, TypeFilter, WindowFilter
from jobs.admin.forms import PriorityForm
from jobs.admin.job_acts import ACTS
from jobs.admin.job_list import JobList
from jobs.admin.many import AT_ONCE, ManyAdmin
from jobs.admin.revealing import RevealingAdmin
from jobs.admin.searching import Answer, shown_before
from jobs.admin.tasks import waited_for
from jobs.dead_letters import BulkReport
from jobs.enqueue import enqueue
from jobs.exceptions import SearchBusy, SearchTooBroad
from jobs.models import Job
from jobs.statuses import WaitsFor

_DOCUMENTS: Final = {"payload": _("Payload"), "result": _("Result"), "metadata": _("Metadata")}

#: Its page asks for a payload first; what it does is done there.
CLONE: Final = Act("clone", _("Clone"), "", enqueue, "")


def _document(job: Any, name: str) -> documents.Document | None:
    return documents.show(getattr(job, f"{name}_text"), job.job_type if name == "payload" else None)


@admin.register(Job)
class JobAdmin(RevealingAdmin, ManyAdmin):
    list_display = (
        "key",
        "job_type",
        "state",
        "queue",
        "priority",
        "attempts",
        "created",
        "tag_list",
        "owner",
        "problem",
    )
    list_display_links = ("key",)
    list_filter = (StatusFilter, TypeFilter, QueueFilter, WindowFilter, DeletedJobsFilter, ScheduleFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = (
        "Conditions such as status:failed, words to look for, a whole tag, or an id or its beginning. "
        "AND, OR, NOT and parentheses join them."
    )
    heavy = (*_DOCUMENTS, "error_history", "error_details", "error_message", "progress_message")
    detail_template = "jobs/job.html"
    acts = ACTS
    many = ("cancel", "retry", "priority", "delete", "restore")
    many_forms: ClassVar[dict[str, Any]] = {"priority": PriorityForm}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        jobs: QuerySet[Job] = super().get_queryset(request)
        return jobs.annotate(error_head=Left("error_message", 120))

    def detail_queryset(self) -> QuerySet[Job]:
        texts = {f"{name}_text": documents.as_text(name) for name in _DOCUMENTS}
        jobs = Job.objects.defer(*_DOCUMENTS).select_related("user", "workspace", "schedule")
        return jobs.annotate(**texts)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[JobList]:
        return JobList

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display[:-1], "found") if reading_of(request).tree else self.list_display

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
            path("<path:object_id>/clone/", clone, name="jobs_job_clone"),
            *super().get_urls(),
        ]

    def complete_view(self, request: HttpRequest) -> HttpResponse:
        """Give what the query that is being typed may go on with, as JSON."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return completions(request)

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

    @admin.display(description="id")
    def key(self, job: Job) -> SafeString:
        return display.key(job.pk)

    @admin.display(description="status")
    def state(self, job: Job) -> SafeString:
        badge = display.badge(job.status, job.get_status_display())
        waits = job.waits_for and f"for {str(WaitsFor(job.waits_for).label).lower()}"
        return format_html('{} <span class="quiet">{}</span>', badge, waits) if waits else badge

    @admin.display(description="attempts")
    def attempts(self, job: Job) -> str:
        return f"{job.attempt} / {job.max_retries + 1}"

    @admin.display(description="created")
    def created(self, job: Job) -> SafeString:
        return display.moment(job.created_at)

    @admin.display(description="tags")
    def tag_list(self, job: Job) -> SafeString:
        return display.tags(job.tags)

    @admin.display(description="owner")
    def owner(self, job: Job) -> str:
        return str(job.user) if job.user else job.user_email

    @admin.display(description="found in")
    def found(self, job: Any) -> SafeString | str:
        return highlights.shown(job.highlights) or self.problem(job)

    @admin.display(description="last error")
    def problem(self, job: Any) -> str:
        return display.short(job.error_head, 80)
