from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from analytics.admin.logs import LogAdmin, address
from analytics.console.around import figures_around
from analytics.models import ErrorLog, RequestLog
from analytics.models.request_log import ACCEPTED
from analytics.rows import time_of
from jobs.admin import display, documents
from jobs.admin.facts import anchor
from jobs.admin.filters import Choices, FixedFilter, OpenFilter, WindowFilter
from jobs.models import Function, Job

_DOCUMENTS: Final = ("request_payload", "response_payload", "error_details", "runtime_metrics", "request_headers")
_MOST_ERRORS: Final = 50


class StatusClassFilter(FixedFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("open", "Goes on"), ("2xx", "Done"), ("4xx", "Refused, cancelled"), ("5xx", "Failed")]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "open":
            return rows.filter(status_code__in=ACCEPTED)
        least = int(value[0]) * 100
        found = rows.filter(status_code__gte=least, status_code__lt=least + 100)
        return found.exclude(status_code__in=ACCEPTED) if value == "2xx" else found


class FunctionFilter(OpenFilter):
    title = "function"
    parameter_name = "function"

    def names(self) -> list[str]:
        return list(Function.objects.values_list("language_title", flat=True)[:200])

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(language_title=value)


@admin.register(RequestLog)
class RequestLogAdmin(LogAdmin):
    list_display = ("key", "when", "language_title", "status", "took", "from_cache", "owner", "client_ip", "request_id")
    list_filter = (StatusClassFilter, FunctionFilter, WindowFilter)
    search_fields = ("request_id__exact",)
    search_help_text = "A whole request id, or the whole id of a row or its job."
    heavy = _DOCUMENTS

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip().replace("\x00", "")
        if not term:
            return queryset, False
        try:
            row_id = UUID(term)
            named = Q(request_id=term) | Q(id=row_id, timestamp=time_of(row_id))
        except (ValueError, OverflowError, OSError):
            named = Q(request_id=term)
        return queryset.filter(named), False

    def detail_queryset(self) -> QuerySet[Any]:
        texts = {f"{name}_text": documents.as_text(name) for name in _DOCUMENTS}
        return RequestLog.objects.defer(*_DOCUMENTS).annotate(**texts)

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            "Function": obj.language_title,
            "Status": self.status(obj),
            "When": display.exact(obj.timestamp),
            "Took": display.span(obj.duration_ms / 1000),
            "From the cache": "yes" if obj.cached else "",
            "User": obj.user_id,
            "Client": obj.client_ip,
            "Request id": obj.request_id,
            "Job": anchor("job", obj.pk, obj.pk) if Job.objects.filter(pk=obj.pk).exists() else "",
            "Errors": self._errors(obj),
            "At that time": figures_around(obj.timestamp, obj.language_title),
        }
        shown = {name: documents.show(getattr(obj, f"{name}_text")) for name in _DOCUMENTS}
        return {
            **super().detail(request, obj),
            "facts": display.facts(facts),
            "documents": [(name.replace("_", " ").capitalize(), text) for name, text in shown.items() if text],
        }

    def _errors(self, row: RequestLog) -> SafeString:
        errors = ErrorLog.objects.filter(request_log_id=row.pk, request_timestamp=row.timestamp).order_by("id")
        lines = ((address("errorlog", error.pk), error.error_code) for error in errors[:_MOST_ERRORS])
        return format_html_join(", ", '<a href="{}">{}</a>', lines) or display.NOTHING

    @admin.display(description="id")
    def key(self, row: RequestLog) -> SafeString:
        return display.key(row.pk)

    @admin.display(description="when")
    def when(self, row: RequestLog) -> SafeString:
        return display.moment(row.timestamp)

    @admin.display(description="status")
    def status(self, row: RequestLog) -> SafeString:
        if row.status_code in ACCEPTED:
            return display.badge("processing", f"{row.status_code} goes on")
        return display.badge("completed" if row.status_code < 400 else "failed", str(row.status_code))

    @admin.display(description="took")
    def took(self, row: RequestLog) -> str:
        return display.span(row.duration_ms / 1000)

    @admin.display(description="cached", empty_value="")
    def from_cache(self, row: RequestLog) -> str | None:
        # Not Django's red cross: that it was computed is no fault.
        return "yes" if row.cached else None

    @admin.display(description="user")
    def owner(self, row: RequestLog) -> str:
        return row.user_id
