from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import DEFAULT_DB_ALIAS, router
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django_stubs_ext import StrOrPromise

from accounts.row_security import acting_as
from analytics.console import asked, pages
from analytics.console.page import Page
from analytics.models import UsageDay
from analytics.periods import Granularity
from analytics.questions import BadQuestion, Question, read
from jobs.models import Function

#: In the order of their tabs.
_PAGES: Final[dict[str, tuple[StrOrPromise, Callable[[Question], Page]]]] = {
    "usage": (_("Usage"), pages.usage),
    "performance": (_("Performance"), pages.performance),
    "errors": (_("Errors"), pages.errors),
    "cache": (_("Cache"), pages.cache),
}
_LOGS: Final = ((_("Request log"), "requestlog"), (_("Error log"), "errorlog"))


@dataclass(frozen=True, slots=True)
class Tab:
    name: StrOrPromise
    url: str
    current: bool


def view(name: str) -> Callable[..., HttpResponse]:
    """Make the view of one page, for everyone who may look at figures."""

    @require_safe
    def show(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("analytics.view_usageday"):
            raise PermissionDenied
        with ExitStack() as stack:
            for alias in {DEFAULT_DB_ALIAS, router.db_for_read(UsageDay)}:
                stack.enter_context(acting_as(request.user, alias))
            return _show(request, name).render()

    return admin.site.admin_view(show)


def _show(request: HttpRequest, name: str) -> TemplateResponse:
    title, answer = _PAGES[name]
    found = asked.given(request.GET)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": title,
        "tabs": _tabs(request, name),
        "asked": asked.fields(found),
        "ranges": asked.RANGE_WORDS,
        "granularities": asked.GRANULARITIES,
    }
    try:
        question = read(found, now())
    except BadQuestion as exc:
        context |= {"refused": str(exc), "functions": _functions([found.get("language_title", "")])}
        return TemplateResponse(request, "analytics/page.html", context, status=400)
    page = answer(question)
    context |= {
        "page": page,
        "functions": _functions([question.language_title or "", *_titles(page)]),
        "permalink": f"{request.path}?{asked.lasting(question)}",
        "downloads": _downloads(name, question),
    }
    return TemplateResponse(request, "analytics/page.html", context)


def _tabs(request: HttpRequest, current: str) -> list[Tab]:
    """Lead to the other pages with the same question, and to the log itself."""
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    pages = [
        Tab(title, reverse(f"analytics:{name}") + query, name == current) for name, (title, _answer) in _PAGES.items()
    ]
    return [*pages, *(Tab(title, reverse(f"admin:analytics_{model}_changelist"), False) for title, model in _LOGS)]


def _titles(page: Page) -> list[str]:
    return [row["language_title"] for row in page.answer.rows]


def _functions(beside: list[str]) -> list[str]:
    """Give the functions to choose from: those of the catalogue and those that the page shows."""
    catalogue = Function.objects.values_list("language_title", flat=True)[:500]
    return sorted({*catalogue, *(title for title in beside if title)})


def _downloads(name: str, question: Question) -> list[tuple[str, str]]:
    """Give the addresses of the page's tables: its own report, and what its chart shows."""
    query = f"format=csv&{asked.lasting(question)}"
    return [
        ("CSV", f"{reverse(f'analytics-{name}')}?{query}"),
        (
            str(_("CSV by hour") if question.period.granularity is Granularity.HOUR else _("CSV by day")),
            f"{reverse('analytics-timeseries')}?{query}",
        ),
    ]
