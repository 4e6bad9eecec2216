from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from analytics.admin.logs import LogAdmin, anchor
from analytics.console.around import figures_around
from analytics.models import ErrorLog
from jobs.admin import display, documents
from jobs.admin.filters import OpenFilter, WindowFilter


class CodeFilter(OpenFilter):
    """Errors of one class; reached from an error's page, so it lists only the one in the address."""

    title = gettext_lazy("error")
    parameter_name = "code"

    def names(self) -> list[str]:
        return []

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(error_code=value)


@admin.register(ErrorLog)
class ErrorLogAdmin(LogAdmin):
    list_display = ("key", "when", "error_code", "message", "owner", "request")
    list_filter = (CodeFilter, WindowFilter)
    search_fields = ("error_code__exact",)
    search_help_text = "A whole error class, or the whole id of a request or its job."
    heavy = ("stack_trace", "context")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip().replace("\x00", "")
        if not term:
            return queryset, False
        try:
            return queryset.filter(request_log_id=UUID(term)), False
        except ValueError:
            return queryset.filter(error_code=term), False

    def detail_queryset(self) -> QuerySet[Any]:
        return ErrorLog.objects.defer("context").annotate(context_text=documents.as_text("context"))

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            "Error": obj.error_code,
            "Message": obj.error_message,
            "When": display.exact(obj.timestamp),
            "User": obj.user_id,
            "Request": self.request(obj),
            "At that time": figures_around(obj.request_timestamp),
        }
        shown = [("Context", documents.show(obj.context_text))]
        if obj.stack_trace:
            shown.insert(0, ("Stack trace", documents.Document(obj.stack_trace, len(obj.stack_trace), False, True)))
        return {
            **super().detail(request, obj),
            "facts": display.facts(facts),
            "documents": [(name, document) for name, document in shown if document],
        }

    @admin.display(description="id")
    def key(self, error: ErrorLog) -> SafeString:
        return display.key(error.pk)

    @admin.display(description="when")
    def when(self, error: ErrorLog) -> SafeString:
        return display.moment(error.timestamp)

    @admin.display(description="message")
    def message(self, error: ErrorLog) -> str:
        return display.short(error.error_message)

    @admin.display(description="user")
    def owner(self, error: ErrorLog) -> str:
        return error.user_id

    @admin.display(description="request")
    def request(self, error: ErrorLog) -> SafeString:
        return anchor("requestlog", error.request_log_id, display.key(error.request_log_id))
