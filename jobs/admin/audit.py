import json
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import display, documents
from jobs.admin.exporting import ExportingAdmin
from jobs.admin.filters import OpenFilter, WindowFilter
from jobs.admin.typed_filters import SinceFilter, TypedFilter, UntilFilter
from jobs.models import AuditEntry

#: The pages of what an entry may be about.
_PAGES: Final = {
    "article": "jobs_article",
    "bulk operation": "jobs_bulkoperation",
    "job": "jobs_job",
    "dead letter": "jobs_deadletter",
    "queue": "jobs_queue",
    "schedule": "jobs_schedule",
    "function": "jobs_function",
    "worker": "jobs_worker",
    "session": "jobs_session",
    "provider": "jobs_providerstate",
    "saved search": "jobs_savedsearch",
    "search rejection": "jobs_searchrejection",
    "user": "accounts_user",
    "webhook endpoint": "jobs_webhookendpoint",
}
#: So many of the newest entries are looked at for the kinds of acts that there are.
_RECENT: Final = 2_000


def target(entry: AuditEntry) -> SafeString | str:
    """Link to what was acted on, if it has a page."""
    page = _PAGES.get(entry.target_type)
    if not page or not entry.target_id:
        return entry.target_id
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[entry.target_id]), entry.target_id)


class ActionFilter(OpenFilter):
    title = gettext_lazy("act")
    parameter_name = "action"

    def names(self) -> list[str]:
        newest = AuditEntry.objects.order_by("-id").values("action")[:_RECENT]
        return sorted(set(newest.values_list("action", flat=True)))

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(action=value)


class ActorFilter(TypedFilter):
    title = gettext_lazy("who")
    parameter_name = "who"

    def narrow(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        return rows.filter(actor_name=text)


@admin.register(AuditEntry)
class AuditAdmin(ExportingAdmin):
    list_display = ("when", "who", "action", "target_type", "about", "why")
    list_display_links = ("when",)
    list_filter = (ActionFilter, WindowFilter, ActorFilter, SinceFilter, UntilFilter)
    search_fields = ("target_id__exact",)
    search_help_text = gettext_lazy("The whole id of what was acted on, or the name of a queue.")
    heavy = ("details",)
    detail_template = "jobs/audit_entry.html"
    exported = ("id", "at", "actor_name", "action", "target_type", "target_id", "reason", "details")

    def detail_queryset(self) -> QuerySet[Any]:
        return AuditEntry.objects.defer("details").annotate(details_text=documents.as_text("details"))

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            _("Who"): obj.actor_name,
            _("Did"): obj.action,
            _("To"): f"{obj.target_type}",
            _("Id"): target(obj),
            _("When"): display.exact(obj.at),
            _("Why"): obj.reason,
        }
        changes, others = _told(documents.value(obj.details_text))
        return {
            **super().detail(request, obj),
            "facts": display.facts(facts),
            "changes": changes,
            "documents": [(_("Details"), documents.show(json.dumps(others)))] if others else [],
        }

    @admin.display(description=gettext_lazy("when"))
    def when(self, entry: AuditEntry) -> SafeString:
        return display.moment(entry.at)

    @admin.display(description=gettext_lazy("who"))
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name

    @admin.display(description=gettext_lazy("target"))
    def about(self, entry: AuditEntry) -> SafeString | str:
        return target(entry)

    @admin.display(description=gettext_lazy("reason"))
    def why(self, entry: AuditEntry) -> str:
        return display.short(entry.reason, 80)


def _told(details: Any) -> tuple[list[tuple[str, str, str]], Any]:
    """Give what was changed, each with its value before and after, and the other details."""
    if not isinstance(details, dict):
        return [], details
    before, after = details.get("before"), details.get("after")
    if not (isinstance(before, dict) or isinstance(after, dict)):
        return [], details
    was, now = (side if isinstance(side, dict) else {} for side in (before, after))
    names = [*was, *(name for name in now if name not in was)]
    changes = [(name, _plainly(was, name), _plainly(now, name)) for name in names if was.get(name) != now.get(name)]
    others = {name: value for name, value in details.items() if name not in ("before", "after")}
    return changes, others


def _plainly(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if value in (None, ""):
        return ""
    return value if isinstance(value, str) else documents.pretty(value)
