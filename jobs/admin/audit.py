from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.admin import display, documents
from jobs.admin.facts import FactsAdmin, anchor
from jobs.admin.filters import WindowFilter
from jobs.models import AuditEntry

#: The pages of what an entry may be about.
_PAGES: Final = {
    "article": "article",
    "job": "job",
    "dead letter": "deadletter",
    "queue": "queue",
    "schedule": "schedule",
    "session": "session",
    "provider": "providerstate",
    "saved search": "savedsearch",
    "search rejection": "searchrejection",
}


def target(entry: AuditEntry) -> SafeString | str:
    """Link to what was acted on, if it has a page."""
    page = _PAGES.get(entry.target_type)
    return anchor(page, entry.target_id, entry.target_id) if page else entry.target_id


@admin.register(AuditEntry)
class AuditAdmin(FactsAdmin):
    list_display = ("when", "who", "action", "target_type", "about", "why")
    list_display_links = ("when",)
    list_filter = (WindowFilter,)
    search_fields = ("target_id__exact",)
    search_help_text = "The whole id of a job or dead letter, or the name of a queue."
    heavy = ("details",)

    def detail_queryset(self) -> QuerySet[Any]:
        return AuditEntry.objects.defer("details").annotate(details_text=documents.as_text("details"))

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            "Who": obj.actor_name,
            "Did": obj.action,
            "To": f"{obj.target_type}",
            "Id": target(obj),
            "When": display.exact(obj.at),
            "Why": obj.reason,
        }
        shown = documents.show(obj.details_text)
        return {
            **super().detail(request, obj),
            "facts": display.facts(facts),
            "documents": [("Details", shown)] if shown and shown.text != "{}" else [],
        }

    @admin.display(description="when")
    def when(self, entry: AuditEntry) -> SafeString:
        return display.moment(entry.at)

    @admin.display(description="who")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name

    @admin.display(description="target")
    def about(self, entry: AuditEntry) -> SafeString | str:
        return target(entry)

    @admin.display(description="reason")
    def why(self, entry: AuditEntry) -> str:
        return display.short(entry.reason, 80)
