from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, OperationalError, connection, models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise
from psycopg.errors import QueryCanceled

from jobs.admin import display
from jobs.admin.paging import CappedPaginator

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

#: A list that takes longer needs a narrower filter, not patience: the database has workers to serve.
LIST_TIMEOUT: Final = "5s"


class FactsAdmin(ModelAdmin):
    """Shows rows and lets nobody edit them; what people may do are acts, each a verb of the domain."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    # Any other order than the table's own would sort history.
    sortable_by = ()
    empty_value_display = display.NOTHING
    #: What the button that makes a new one says, and others beside it: their words and addresses, seen from the list.
    add_label: StrOrPromise = ""
    also_added: ClassVar[tuple[tuple[StrOrPromise, str], ...]] = ()
    #: Wide columns that lists do not read.
    heavy: ClassVar[tuple[str, ...]] = ()
    detail_template = "jobs/facts.html"
    #: Whether a list keeps itself up to date while somebody looks.
    live: ClassVar[bool] = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether this person may act on such rows, not only look at them."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = super().get_queryset(request)
        rows = rows.defer(*self.heavy)
        return rows

    def detail_queryset(self) -> models.QuerySet[Any]:
        """Give the rows as the page of one of them reads it."""
        rows: models.QuerySet[Any] = self.model._default_manager.all()
        return rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        try:
            return self.detail_queryset().get(pk=self.opts.pk.to_python(object_id))
        except (self.model.DoesNotExist, ValidationError, ValueError, DataError):
            return None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        extra_context = {"title": str(self.opts.verbose_name_plural).capitalize(), **(extra_context or {})}
        # Also of a form: what it sends is the question before an act.
        return self.within_limit(request, partial(super().changelist_view, request, extra_context))

    def within_limit(self, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
        """Give the answer, or the page that says that the database would need too long for it."""
        try:
            with _time_limit():
                response = answer()
                return response.render() if isinstance(response, TemplateResponse) else response
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            return self.too_slow(request)

    def too_slow(self, request: HttpRequest, busy: bool = False) -> TemplateResponse:
        """Say that PostgreSQL was stopped, or did not begin, and how to ask for less."""
        title = _("The database is busy with other searches") if busy else _("This list takes too long")
        context = {**self.admin_site.each_context(request), "title": title, "busy": busy, "opts": self.opts}
        return TemplateResponse(request, "jobs/too_slow.html", context, status=503)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if obj is None:
            return self.not_found(request, object_id)
        return self.page(request, self.detail_template, obj, **self.detail(request, obj))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(self.url(unquote(object_id)) + "#history")

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Give what the page of one row shows beside the row."""
        return {}

    def page(self, request: HttpRequest, template: str, obj: Any, **context: Any) -> TemplateResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "object": obj,
            "title": str(obj),
            "list_url": self.list_url(),
            "may_act": self.has_act_permission(request),
        }
        return TemplateResponse(request, template, {**shared, **context})

    def not_found(self, request: HttpRequest, object_id: str) -> HttpResponse:
        words = _("There is no {thing} “{key}”. Perhaps it was pruned.")
        messages.warning(request, words.format(thing=self.opts.verbose_name, key=unquote(object_id)[:100]))
        return HttpResponseRedirect(self.list_url())

    def list_url(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def url(self, pk: object) -> str:
        return link_to(self.opts.model_name or "", pk)


@contextmanager
def _time_limit() -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [LIST_TIMEOUT])
        yield


def link_to(model: str, pk: object) -> str:
    """Give the address of one row's page, without looking the row up."""
    return reverse(f"admin:jobs_{model}_change", args=[str(pk)])


def anchor(model: str, pk: object, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', link_to(model, pk), text)
