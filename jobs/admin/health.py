"""The page of the system's health: what the doctor found when somebody last looked, and figures beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.row_security import acting_as
from jobs.admin.display import NOTHING, moment, span
from jobs.doctor import looking
from jobs.doctor.findings import Finding, Severity
from jobs.doctor.looking import Look
from jobs.doctor.tables import Kind, Table, tables
from jobs.source import release

WORDS: Final = {
    Severity.CRITICAL: gettext_lazy("critical"),
    Severity.WARN: gettext_lazy("warning"),
    Severity.UNKNOWN: gettext_lazy("unknown"),
    Severity.OK: gettext_lazy("well"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as the page shows it."""

    table: Table
    rows: list[list[tuple[Any, bool]]]
    error: str


def page(request: HttpRequest) -> HttpResponse:
    """Show the latest look; one that is old is taken anew by the page itself, once it is there."""
    with acting_as(request.user):
        found = looking.last()
        context = {
            **admin.site.each_context(request),
            "title": _("System health"),
            "look": found,
            "checks": _checks(found),
            "tables": [_shown(found, table) for table in tables.values()] if found else [],
            "text": diagnostics(found) if found else "",
        }
        return TemplateResponse(request, "jobs/health.html", context).render()


def look(request: HttpRequest) -> HttpResponse:
    """Have the doctor look now, in transactions of its own that can only read."""
    if looking.look() is None:
        messages.info(request, _("Somebody else is just looking: their findings will be here in a moment."))
    back = request.POST.get("next", "")
    known = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(back if known else reverse("console:health"))


def download(request: HttpRequest) -> HttpResponse:
    """Give the diagnostics as a file."""
    found = looking.last()
    if found is None:
        return HttpResponseRedirect(reverse("console:health"))
    response = HttpResponse(diagnostics(found), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="ekiden-{found.at:%Y%m%dT%H%M%SZ}.txt"'
    return response


def diagnostics(found: Look) -> str:
    """Write everything that was found as text, in English and UTC: for a ticket, so without settings or secrets."""
    looked, written = (f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" for at in (found.at, now()))
    lines = [f"Ekiden {release()}, looked at {looked}, written at {written}"]
    lines += ["", "Checks"]
    for each in sorted(found.findings, key=lambda one: -one.severity):
        lines.append(f"{each.severity.name.lower():9} {each.check:14} {each.what}")
        lines += [f"{'':24} -> {each.advice}"] if each.advice else []
    for name, rows in found.rows.items():
        lines += ["", name.replace("_", " ").capitalize()]
        lines += ["  ".join("-" if cell in (None, "") else str(cell) for cell in row) for row in rows] or ["nothing"]
    lines += [f"{name}: {error}" for name, error in found.errors.items()]
    return "\n".join(lines) + "\n"


def _checks(found: Look | None) -> list[tuple[Finding, str]]:
    """Give each finding with the word for it, the worst first and then by the name of the check."""
    if found is None:
        return []
    ordered = sorted(found.findings, key=lambda one: (-one.severity, one.check))
    return [(each, str(WORDS[each.severity])) for each in ordered]


def _shown(found: Look, table: Table) -> Shown:
    kinds = [kind for _label, kind in table.columns]
    rows = [
        [(_cell(kind, value), kind in {"number", "bytes", "seconds"}) for kind, value in zip(kinds, row, strict=True)]
        for row in found.rows.get(table.name, [])
    ]
    return Shown(table, rows, found.errors.get(table.name, ""))


def _cell(kind: Kind, value: Any) -> Any:
    if value in (None, ""):
        return NOTHING
    match kind:
        case "moment":
            return moment(datetime.fromisoformat(value))
        case "number":
            return number_format(round(value), force_grouping=True)
        case "bytes":
            return filesizeformat(value)
        case "seconds":
            return span(float(value))
    return value


def _staff(view: Any) -> Any:
    """Let those in who may see jobs."""

    def checked(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("jobs.view_job"):
            raise PermissionDenied
        answer: HttpResponse = view(request)
        return answer

    return admin.site.admin_view(checked)


page_view: Final = _staff(require_safe(page))
look_view: Final = _staff(require_POST(look))
download_view: Final = _staff(require_safe(download))
