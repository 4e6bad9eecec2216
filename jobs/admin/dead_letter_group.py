from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin import display
from jobs.admin.dead_letter import group_url
from jobs.admin.facts import FactsAdmin
from jobs.admin.filters import LastSeenFilter, OpenGroupsFilter, TypeFilter
from jobs.models import DeadLetterGroup


@admin.register(DeadLetterGroup)
class DeadLetterGroupAdmin(FactsAdmin):
    """The desk: dead letters grouped by what went wrong, counted by the database as they come and go."""

    list_display = ("waiting", "what", "job_type", "total", "last_seen", "first_seen")
    list_display_links = None
    list_filter = (OpenGroupsFilter, TypeFilter, LastSeenFilter)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Dead letters by error", **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(group_url(object_id))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).order_by("-last_seen_at", "pk")

    @admin.display(description="error")
    def what(self, group: DeadLetterGroup) -> SafeString:
        return format_html(
            '<a class="group" href="{}"><strong>{}</strong><span>{}</span></a>',
            group_url(group.pk),
            group.error_class or "No error class",
            display.short(group.error_message, 160),
        )

    @admin.display(description="open")
    def waiting(self, group: DeadLetterGroup) -> SafeString:
        return format_html(
            '<b class="{}">{}</b>', "count" if group.open_count else "count none", f"{group.open_count:,}"
        )

    @admin.display(description="in all")
    def total(self, group: DeadLetterGroup) -> str:
        return f"{group.total_count:,}"

    @admin.display(description="last")
    def last_seen(self, group: DeadLetterGroup) -> SafeString:
        return display.moment(group.last_seen_at)

    @admin.display(description="first")
    def first_seen(self, group: DeadLetterGroup) -> SafeString:
        return display.moment(group.first_seen_at)
