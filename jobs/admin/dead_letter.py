from functools import partial
from typing import Any, ClassVar, Final, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs import catalogue, dead_letters, triage
from jobs.admin import dead_letter_page, display, documents
from jobs.admin.acts import Act
from jobs.admin.attempts import failed_attempts
from jobs.admin.dead_letter_acts import LETTER, is_live
from jobs.admin.dead_letter_filters import AssigneeFilter, ResolutionFilter, TypeOnTheDeskFilter
from jobs.admin.facts import link_to
from jobs.admin.filters import OLDER, WINDOWS, AgeFilter, GroupFilter, QueueFilter
from jobs.admin.forms import PayloadForm, ReasonForm
from jobs.admin.history import acts_on
from jobs.admin.keeping import Verbs, keep, kept
from jobs.admin.many import AT_ONCE, ManyAdmin
from jobs.admin.redrive import preview
from jobs.admin.revealing import RevealingAdmin
from jobs.admin.triage_forms import RedriveManyForm
from jobs.dead_letters import BulkReport
from jobs.models import DeadLetter, DeadLetterGroup
from jobs.models.dead_letter import DeadLetterQuerySet
from jobs.statuses import Resolution, Status

#: What is saved straight from the page.
KEPT: Final[Verbs] = {"assignee": triage.assign, "ticket": triage.link, "notes": dead_letters.annotate}

_JOB: Final = ("id", "status", "queue", "attempt", "tags", "created_at")
_COLUMNS: Final = (
    *("job_type", "error_class", "error_message", "error_history", "error_fingerprint", "moved_at", "occurrence"),
    *("resolution_status", "resolution_notes", "resolved_at", "resolved_by__user_id", "redriven_queue", "ticket"),
    *("redrive_outcome", "redrive_ended_at", "queue", "worker", "version", "user__user_id", "assignee__user_id"),
    *("ignored_until", *(f"original_job__{name}" for name in _JOB)),
)


@admin.register(DeadLetter)
class DeadLetterAdmin(RevealingAdmin, ManyAdmin):
    secretive = ("payload", "redriven_payload")
    live = True
    list_display = ("key", "job_type", "what", "moved", "state", "whose")
    list_display_links = ("key",)
    list_filter = (ResolutionFilter, AssigneeFilter, TypeOnTheDeskFilter, QueueFilter, AgeFilter, GroupFilter)
    list_select_related = ("resolved_by", "assignee")
    search_fields = ("id",)
    search_help_text = _("The whole id of a dead letter or of its job.")
    heavy = ("payload", "redriven_payload", "error_history", "resolution_notes")
    detail_template = "jobs/dead_letter.html"
    acts = LETTER
    many = ("redrive", "resolve", "discard")
    many_forms: ClassVar[dict[str, type[forms.Form]]] = {
        "redrive": RedriveManyForm,
        "resolve": ReasonForm,
        "discard": ReasonForm,
    }

    def get_urls(self) -> list[URLPattern]:
        own = {"preview": self.preview_view, "notes": self.keep_view}
        return [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"jobs_deadletter_{name}")
            for name, view in own.items()
        ] + super().get_urls()

    def detail_queryset(self) -> QuerySet[Any]:
        texts = {f"{name}_text": documents.as_text(name) for name in self.secretive}
        letters = DeadLetter.objects.defer(*self.secretive).annotate(**texts)
        return letters.select_related("original_job", "resolved_by", "user", "assignee").only(*_COLUMNS)

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
            "title": gettext("Dead letters"),
            "group": group,
            "many": [(act, self.many_url(request, act.name)) for act in acts],
        }
        return super().changelist_view(request, {**here, **(extra_context or {})})

    def selector(self, request: HttpRequest) -> dict[str, Any] | None:
        """Say the list's filters by the names of the API's parameters."""
        asked = {name: value for name, value in request.GET.items() if value and name != "p"}
        state = asked.pop("resolution", ResolutionFilter.default)
        found: dict[str, Any] = {}
        if state != "waiting":
            found["resolution"] = list(Resolution.values) if state == "all" else [state]
        for name, parameter in (("group", "fingerprint"), ("type", "type"), ("queue", "queue")):
            if name in asked:
                found[parameter] = asked.pop(name)
        age = asked.pop("age", "")
        if age in OLDER:
            found["moved_before"] = (now() - OLDER[age][1]).isoformat()
        elif age in WINDOWS:
            found["moved_after"] = (now() - WINDOWS[age][1]).isoformat()
        # Whose it is, and what was searched for, bulk operations do not know.
        return {"filter": found} if not asked and age in {"", *OLDER, *WINDOWS} else None

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        """Do the act, and go on with the next letter of the group if the person works through it."""
        response = super().act_view(request, object_id, act)
        if isinstance(response, HttpResponseRedirect) and request.POST.get("onward"):
            return self.onward(request, object_id) or response
        return response

    def onward(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Give the way to the letter to go on with, or to the group where that was the last."""
        letter = DeadLetter.objects.only("error_fingerprint").filter(pk=object_id).first()
        if letter is None:
            return None
        near = dead_letter_page.neighbours(letter)
        if found := near["older"] or near["newer"]:
            return HttpResponseRedirect(f"{self.url(found)}?onward=on")
        messages.info(request, gettext("That was the last letter of this group that lay on the desk."))
        return HttpResponseRedirect(group_url(letter.error_fingerprint))

    def perform(self, request: HttpRequest, act: Act, row: Any, chosen: dict[str, Any]) -> bool:
        return super().perform(request, act, row, {name: value for name, value in chosen.items() if name != "onward"})

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        payload = documents.show(obj.payload_text, obj.job_type)
        told = dead_letter_page.deaths(obj)
        return {
            **super().detail(request, obj),
            "payload": payload,
            "deaths": told,
            "since_first": dead_letter_page.since_first(obj, told),
            "errors": failed_attempts(obj.error_history),
            "job": obj.original_job,
            "group": DeadLetterGroup.objects.filter(pk=obj.error_fingerprint).first(),
            "facts": dead_letter_page.facts(obj),
            "like": dead_letter_page.like(obj),
            **dead_letter_page.neighbours(obj),
            "history": acts_on(obj.pk, obj.original_job_id),
            "known_type": catalogue.is_known(obj.job_type),
            "open": is_live(obj),
            # A redriven letter is told what becomes of its job.
            "going": obj.resolution_status == Resolution.REDRIVEN
            and obj.original_job.status in (Status.PENDING, Status.PROCESSING),
            "state": self.state(obj),
            "outcome": dead_letter_page.outcome(obj),
            "keep_form": kept(obj, obj.resolution_notes),
            "ticket": dead_letter_page.ticket(obj.ticket),
            "payload_form": PayloadForm(obj.job_type, initial={"payload": payload.text if payload else "{}"}),
            "editable": payload is None or (payload.readable and not payload.cut),
        }

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what an edited payload changes, then redrive with it."""
        return preview(self, request, object_id)

    def keep_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Save whose the letter is, its ticket and its notes."""
        return keep(self, request, object_id, KEPT)

    def page(self, request: HttpRequest, template: str, obj: Any, **context: Any) -> TemplateResponse:
        onward = "?onward=on" if request.GET.get("onward") else ""
        form = context.get("form")
        if onward and form is not None and not form.is_bound:
            form.initial["onward"] = True
        if obj is not None:
            context = {
                **context,
                "onward": onward,
                "preview_url": self.act_url("preview", obj.pk) + onward,
                "notes_url": self.act_url("notes", obj.pk),
                "group_url": group_url(obj.error_fingerprint),
            }
        return super().page(request, template, obj, **context)

    def perform_many(self, act: Act, rows: QuerySet[Any], actor: Any, chosen: dict[str, Any]) -> BulkReport:
        letters = cast(DeadLetterQuerySet, rows)
        run = partial(act.run, queue=chosen["queue"]) if chosen.get("queue") else act.run
        return dead_letters.bulk(run, letters, actor, chosen.get("reason", ""), limit=AT_ONCE)

    @admin.display(description=_("id"))
    def key(self, letter: DeadLetter) -> SafeString:
        return display.key(letter.pk)

    @admin.display(description=_("error"))
    def what(self, letter: DeadLetter) -> SafeString:
        again = format_html(' <span class="tag">{}×</span>', letter.occurrence) if letter.occurrence > 1 else ""
        return format_html("{}: {}{}", letter.error_class, display.short(letter.error_message, 120), again)

    @admin.display(description=_("died"))
    def moved(self, letter: DeadLetter) -> SafeString:
        return display.moment(letter.moved_at)

    @admin.display(description=_("state"))
    def state(self, letter: DeadLetter) -> SafeString:
        return display.badge(letter.resolution_status, letter.get_resolution_status_display())

    @admin.display(description=_("by"))
    def whose(self, letter: DeadLetter) -> str:
        return str(letter.resolved_by or letter.assignee or "")


def group_url(fingerprint: str) -> str:
    return link_to("deadlettergroup", fingerprint)
