from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from jobs import catalogue, dead_letters
from jobs.admin import display, documents
from jobs.admin.acts import Act
from jobs.admin.attempts import failed_attempts
from jobs.admin.facts import anchor
from jobs.admin.filters import AgeFilter, GroupFilter, ResolutionFilter, TypeFilter
from jobs.admin.forms import NotesForm, PayloadForm
from jobs.admin.history import acts_on
from jobs.admin.many import AT_ONCE, ManyAdmin
from jobs.admin.redrive import preview
from jobs.admin.revealing import RevealingAdmin
from jobs.dead_letters import BulkReport
from jobs.models import DeadLetter, DeadLetterGroup
from jobs.models.dead_letter import DeadLetterQuerySet
from jobs.statuses import Resolution


def _open(letter: Any) -> bool:
    return bool(letter.resolution_status == Resolution.OPEN)


@admin.register(DeadLetter)
class DeadLetterAdmin(RevealingAdmin, ManyAdmin):
    secretive = ("payload", "redriven_payload")
    list_display = ("key", "job_type", "what", "moved", "state", "who")
    list_display_links = ("key",)
    list_filter = (ResolutionFilter, TypeFilter, AgeFilter, GroupFilter)
    list_select_related = ("resolved_by",)
    search_fields = ("id",)
    search_help_text = "The whole id of a dead letter or of its job."
    heavy = ("payload", "redriven_payload", "error_history", "resolution_notes")
    detail_template = "jobs/dead_letter.html"
    acts = (
        Act(
            "redrive",
            "Redrive",
            "The job is pending again and due now, with all its retries and the payload it died of.",
            dead_letters.redrive,
            "Redriven: the job is pending again.",
            offered=_open,
        ),
        Act(
            "resolve",
            "Resolve",
            "The work was done by other means: the job counts as completed.",
            dead_letters.resolve,
            "Resolved: the job counts as completed.",
            offered=_open,
        ),
        Act(
            "discard",
            "Discard",
            "The job is given up for good: its status becomes failed. It can still be run again from its own page.",
            dead_letters.discard,
            "Discarded: the job has failed.",
            danger=True,
            offered=_open,
        ),
    )
    many = ("redrive", "resolve", "discard")

    def get_urls(self) -> list[URLPattern]:
        own = {"preview": self.preview_view, "notes": self.notes_view}
        return [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"jobs_deadletter_{name}")
            for name, view in own.items()
        ] + super().get_urls()

    def detail_queryset(self) -> QuerySet[Any]:
        texts = {f"{name}_text": documents.as_text(name) for name in ("payload", "redriven_payload")}
        letters = DeadLetter.objects.defer("payload", "redriven_payload").annotate(**texts)
        job = (f"original_job__{name}" for name in ("id", "status", "queue", "attempt", "tags", "created_at"))
        return letters.select_related("original_job", "resolved_by").only(
            "job_type", "error_class", "error_message", "error_history", "error_fingerprint", "moved_at",
            "resolution_status", "resolution_notes", "resolved_at", "resolved_by__user_id", *job,
        )  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            key = DeadLetter._meta.pk.to_python(search_term.strip())
        except ValidationError:
            return queryset.none(), False
        return queryset.filter(Q(pk=key) | Q(original_job_id=key)), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        group = DeadLetterGroup.objects.filter(pk=request.GET.get("group", "").replace("\x00", "")).first()
        acts = [act for act in self.acts if act.name in self.many] if self.has_act_permission(request) else []
        here = {
            "title": "Dead letters",
            "group": group,
            "many": [(act, self.many_url(request, act.name)) for act in acts],
        }
        return super().changelist_view(request, {**here, **(extra_context or {})})

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        payload = documents.show(obj.payload_text, obj.job_type)
        return {
            **super().detail(request, obj),
            "payload": payload,
            "edited": _edited(obj),
            "errors": failed_attempts(obj.error_history),
            "job": obj.original_job,
            "group": DeadLetterGroup.objects.filter(pk=obj.error_fingerprint).first(),
            "facts": self.facts(obj),
            "others": list(_others(obj)),
            "history": acts_on(obj.pk, obj.original_job_id),
            "known_type": catalogue.is_known(obj.job_type),
            "open": _open(obj),
            "state": self.state(obj),
            "notes_form": NotesForm(initial={"notes": obj.resolution_notes}),
            "payload_form": PayloadForm(obj.job_type, initial={"payload": payload.text if payload else "{}"}),
            "editable": payload is None or (payload.readable and not payload.cut),
        }

    def facts(self, letter: Any) -> list[tuple[str, Any]]:
        job = letter.original_job
        facts = {
            "Job": anchor("job", job.pk, job.pk),
            "Job status": display.badge(job.status, job.get_status_display()),
            "Queue": job.queue,
            "Attempts": job.attempt,
            "Enqueued": display.exact(job.created_at),
            "Died": display.exact(letter.moved_at),
            "Tags": display.tags(job.tags),
            "Settled": display.exact(letter.resolved_at),
            "By": letter.resolved_by,
        }
        return display.facts(facts)

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what an edited payload changes, then redrive with it."""
        return preview(self, request, object_id)

    def notes_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Save the notes kept with a letter."""
        return self.act_view(request, object_id, NOTES)

    def page(self, request: HttpRequest, template: str, obj: Any, **context: Any) -> TemplateResponse:
        if obj is not None:
            context = {
                **context,
                "preview_url": self.act_url("preview", obj.pk),
                "notes_url": self.act_url("notes", obj.pk),
                "group_url": group_url(obj.error_fingerprint),
            }
        return super().page(request, template, obj, **context)

    def perform_many(self, act: Act, rows: QuerySet[Any], actor: Any, chosen: dict[str, Any]) -> BulkReport:
        letters = cast(DeadLetterQuerySet, rows)
        return dead_letters.bulk(act.run, letters, actor, chosen.get("reason", ""), limit=AT_ONCE)

    @admin.display(description="id")
    def key(self, letter: DeadLetter) -> SafeString:
        return display.key(letter.pk)

    @admin.display(description="error")
    def what(self, letter: DeadLetter) -> str:
        return f"{letter.error_class}: {display.short(letter.error_message, 120)}"

    @admin.display(description="died")
    def moved(self, letter: DeadLetter) -> SafeString:
        return display.moment(letter.moved_at)

    @admin.display(description="resolution")
    def state(self, letter: DeadLetter) -> SafeString:
        return display.badge(letter.resolution_status, letter.get_resolution_status_display())

    @admin.display(description="by")
    def who(self, letter: DeadLetter) -> str:
        return str(letter.resolved_by or "")


#: Saved straight from the page: notes change nothing about the job, and their former text stays in the audit log.
NOTES = Act("notes", "Save notes", "", dead_letters.annotate, "The notes are saved.", form=NotesForm)


def group_url(fingerprint: str) -> str:
    return f"{reverse('admin:jobs_deadletter_changelist')}?group={fingerprint}"


def _edited(letter: Any) -> list[documents.Line]:
    """Compare the payload that the job died of with the one it was redriven with."""
    before, after = documents.value(letter.payload_text), documents.value(letter.redriven_payload_text)
    return [] if before is None or after is None else documents.compare_payloads(before, after, letter.job_type)


def _others(letter: Any) -> QuerySet[DeadLetter]:
    deaths = DeadLetter.objects.filter(original_job_id=letter.original_job_id).exclude(pk=letter.pk)
    return deaths.only("id", "moved_at", "resolution_status", "error_class")[:20]
