import json
import shlex
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.admin.logs import LogAdmin, acting, address
from analytics.console.around import figures_around
from analytics.models import ErrorLog, RequestLog
from analytics.models.request_log import ACCEPTED
from analytics.rows import time_of
from jobs.admin import display, documents
from jobs.admin.exporting import ExportingAdmin
from jobs.admin.facts import anchor
from jobs.admin.filters import Choices, FixedFilter, OpenFilter, WindowFilter
from jobs.admin.typed_filters import SinceFilter, TypedFilter, UntilFilter
from jobs.api.calls import UNKNOWN
from jobs.models import Function, Job

_DOCUMENTS: Final = {
    "request_payload": gettext_lazy("Request"),
    "response_payload": gettext_lazy("Answer"),
    "error_details": gettext_lazy("Errors"),
    "runtime_metrics": gettext_lazy("Figures"),
    "request_headers": gettext_lazy("Headers"),
}
_MOST_ERRORS: Final = 50


class UserFilter(TypedFilter):
    title = gettext_lazy("user")
    parameter_name = "user"

    def narrow(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        return rows.filter(user_id=text)


class CodeFilter(TypedFilter):
    title = gettext_lazy("status code")
    parameter_name = "code"

    def narrow(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        known = text.isascii() and text.isdecimal() and len(text) == 3
        return rows.filter(status_code=int(text)) if known else rows.none()


class StatusClassFilter(FixedFilter):
    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("open", _("Goes on")), ("2xx", _("Done")), ("4xx", _("Refused, cancelled")), ("5xx", _("Failed"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "open":
            return rows.filter(status_code__in=ACCEPTED)
        least = int(value[0]) * 100
        found = rows.filter(status_code__gte=least, status_code__lt=least + 100)
        return found.exclude(status_code__in=ACCEPTED) if value == "2xx" else found


class FunctionFilter(OpenFilter):
    title = gettext_lazy("function")
    parameter_name = "function"

    def names(self) -> list[str]:
        return list(Function.objects.values_list("language_title", flat=True)[:200])

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(language_title=value)


@admin.register(RequestLog)
class RequestLogAdmin(ExportingAdmin, LogAdmin):
    list_display = ("key", "when", "language_title", "status", "took", "from_cache", "owner", "client_ip", "request_id")
    list_filter = (StatusClassFilter, FunctionFilter, WindowFilter, UserFilter, CodeFilter, SinceFilter, UntilFilter)
    search_fields = ("request_id__exact",)
    search_help_text = gettext_lazy("A whole request id, or the whole id of a row or its job.")
    heavy = tuple(_DOCUMENTS)
    detail_template = "analytics/request.html"
    exported = (
        *("id", "request_id", "timestamp", "language_title", "status_code", "duration_ms", "cached"),
        *("user_id", "client_ip", "error_details", "runtime_metrics"),
    )

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
            _("Function"): obj.language_title,
            _("Status"): self.status(obj),
            _("When"): display.exact(obj.timestamp),
            _("Took"): display.span(obj.duration_ms / 1000),
            _("From the cache"): _("yes") if obj.cached else "",
            _("User"): obj.user_id,
            _("Client"): obj.client_ip,
            _("Request id"): obj.request_id,
            _("Job"): anchor("job", obj.pk, obj.pk) if Job.objects.filter(pk=obj.pk).exists() else "",
            _("Errors"): self._errors(obj),
            _("At that time"): figures_around(obj.timestamp, obj.language_title),
        }
        # What the log has kept before a field was marked as secret is masked here.
        shown = {name: _shown(obj, name) for name in _DOCUMENTS}
        return {
            **super().detail(request, obj),
            "facts": display.facts(facts),
            "documents": [(_DOCUMENTS[name], text) for name, text in shown.items() if text],
            "curl": _curl(request, obj),
        }

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        with acting(request):
            return super().export_view(request)

    def _errors(self, row: RequestLog) -> SafeString:
        errors = ErrorLog.objects.filter(request_log_id=row.pk, request_timestamp=row.timestamp).order_by("id")
        lines = ((address("errorlog", error.pk), error.error_code) for error in errors[:_MOST_ERRORS])
        return format_html_join(", ", '<a href="{}">{}</a>', lines) or display.NOTHING

    @admin.display(description=gettext_lazy("id"))
    def key(self, row: RequestLog) -> SafeString:
        return display.key(row.pk)

    @admin.display(description=gettext_lazy("when"))
    def when(self, row: RequestLog) -> SafeString:
        return display.moment(row.timestamp)

    @admin.display(description=gettext_lazy("status"))
    def status(self, row: RequestLog) -> SafeString:
        if row.status_code in ACCEPTED:
            return display.badge("processing", _("%(code)d goes on") % {"code": row.status_code})
        return display.badge("completed" if row.status_code < 400 else "failed", str(row.status_code))

    @admin.display(description=gettext_lazy("took"))
    def took(self, row: RequestLog) -> str:
        return display.span(row.duration_ms / 1000)

    @admin.display(description=gettext_lazy("cached"), empty_value="")
    def from_cache(self, row: RequestLog) -> str | None:
        # Not Django's red cross: that it was computed is no fault.
        return _("yes") if row.cached else None

    @admin.display(description=gettext_lazy("user"))
    def owner(self, row: RequestLog) -> str:
        return row.user_id


def _shown(row: Any, name: str) -> documents.Document | None:
    return documents.show(getattr(row, f"{name}_text"), row.language_title if name == "request_payload" else None)


def _curl(request: HttpRequest, row: Any) -> str:
    """Give the call as people repeat it in a shell; the key, and what is masked, is theirs to put in."""
    payload = _shown(row, "request_payload")
    if row.language_title == UNKNOWN or payload is None or not payload.readable:
        return ""
    address = request.build_absolute_uri(reverse("function-invoke", args=[row.language_title]))
    body = shlex.quote(json.dumps(json.loads(payload.text), ensure_ascii=False)) if not payload.cut else "@payload.json"
    lines = [
        f"curl -X POST {shlex.quote(address)}",
        '-H "Authorization: Bearer $EKIDEN_API_KEY"',
        "-H 'Content-Type: application/json'",
        f"-d {body}",
    ]
    return " \\\n  ".join(lines)
