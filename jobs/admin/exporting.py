"""What a list finds, as a file: streamed, a thousand rows at a time, so that neither side holds them all."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.timezone import now

from accounts.row_security import acting_as
from jobs.admin.facts import FactsAdmin
from jobs.models import AuditEntry
from jobs.models.statement_limit import statement_limit

MOST: Final = 100_000
AT_ONCE: Final = 1_000
SECONDS: Final = 30.0
TYPES: Final = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}

#: Programs for tables take what begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

#: What a file says at its end when there are more.
_MORE: Final = f"There are more: only the newest {MOST:,} are here."

Row = dict[str, Any]


class ExportingAdmin(FactsAdmin):
    """Lists that give what they find as a file, and write down who took it."""

    #: The columns of the file.
    exported: ClassVar[tuple[str, ...]] = ()
    change_list_template = "jobs/log_list.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export_view), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_export")
        here = {"export_url": f"{address}?{request.GET.urlencode()}", "export_types": list(TYPES)}
        return super().changelist_view(request, {**here, **(extra_context or {})})

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Give what the list finds as a file."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = request.POST.get("format", "")
        if not self.has_view_permission(request) or form not in TYPES:
            raise PermissionDenied
        rows = self.get_changelist_instance(request).queryset
        user: Any = request.user
        AuditEntry.objects.create(
            actor=user,
            actor_name=str(user),
            action="export",
            target_type=str(self.opts.verbose_name),
            target_id="",
            details={"format": form, "query": request.GET.urlencode(), "most": MOST},
        )
        return export(rows, self.exported, form, user, str(self.opts.model_name))


def export(rows: QuerySet[Any], columns: Sequence[str], form: str, user: Any, name: str) -> StreamingHttpResponse:
    """Begin the file with the newest MOST rows; what is read is read as the user may."""
    chunks = _chunks(rows, columns, user)
    text = _csv(chunks, columns) if form == "csv" else _ndjson(chunks)
    response = StreamingHttpResponse(text, content_type=TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="{name}-{now():%Y%m%d-%H%M%S}.{form}"'
    response["Cache-Control"] = "no-store"
    return response


def _chunks(rows: QuerySet[Any], columns: Sequence[str], user: Any) -> Iterator[list[Row] | None]:
    """Give the rows, newest first and a few at a time; at last None, if there are more than are given."""
    # The request's own transaction is over when these are read, and with it whom it acted as.
    last = None
    for _number in range(MOST // AT_ONCE):
        page = rows if last is None else rows.filter(pk__lt=last)
        with acting_as(user, rows.db), statement_limit(SECONDS, using=rows.db):
            found: list[Row] = list(page.order_by("-pk").values(*columns)[:AT_ONCE])
        if found:
            last = found[-1]["id"]
            yield found
        if len(found) < AT_ONCE:
            return
    yield None


def _ndjson(chunks: Iterator[list[Row] | None]) -> Iterator[str]:
    for chunk in chunks:
        if chunk is None:
            yield json.dumps({"more": _MORE}) + "\n"
            return
        yield "".join(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n" for row in chunk)


def _csv(chunks: Iterator[list[Row] | None], columns: Sequence[str]) -> Iterator[str]:
    yield ",".join(columns) + "\r\n"
    for chunk in chunks:
        if chunk is None:
            yield _MORE + "\r\n"
            return
        text = io.StringIO()
        csv.writer(text).writerows([_cell(row[name]) for name in columns] for row in chunk)
        yield text.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        value = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    elif hasattr(value, "isoformat"):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
