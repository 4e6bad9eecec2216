from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import DEFAULT_DB_ALIAS, router
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.row_security import acting_as
from analytics.models import RequestLog
from jobs.admin.facts import FactsAdmin


class LogAdmin(FactsAdmin):
    """Base class: rows of the logs, wherever their database is. Do not use directly."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        with acting(request):
            return super().changelist_view(request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with acting(request):
            return super().change_view(request, object_id, form_url, extra_context)

    def url(self, pk: object) -> str:
        return address(self.opts.model_name or "", pk)


def acting(request: HttpRequest) -> AbstractContextManager[None]:
    """Read the logs as whoever looks, wherever they are."""
    # In the database of everything else, each page of the admin is for whoever looks already.
    alias = router.db_for_read(RequestLog)
    return nullcontext() if alias == DEFAULT_DB_ALIAS else acting_as(request.user, alias)


def address(model: str, pk: object) -> str:
    return reverse(f"admin:analytics_{model}_change", args=[str(pk)])


def anchor(model: str, pk: object, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', address(model, pk), text)
