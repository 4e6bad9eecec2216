from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import functions
from jobs.admin import display, documents
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.filters import Choices, FixedFilter, OpenFilter
from jobs.admin.function_forms import FunctionChangeForm, NewFunctionForm, initial
from jobs.admin.history import acts_on
from jobs.exceptions import InvalidFunction, JobError
from jobs.languages import PYTHON
from jobs.models import Function
from jobs.registry import registry

_DOCUMENTS = ("schema_definition", "examples")


class LanguageFilter(OpenFilter):
    title = "language"
    parameter_name = "language"

    def names(self) -> list[str]:
        return list(Function.objects.order_by("language").values_list("language", flat=True).distinct()[:200])

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(language=value)


class ActiveFilter(FixedFilter):
    title = "state"
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("true", "Active"), ("false", "Switched off")]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(is_active=value == "true")


class TagFilter(OpenFilter):
    title = "tag"
    parameter_name = "tag"

    def names(self) -> list[str]:
        found = Function.objects.filter(tags__len__gt=0).values_list("tags", flat=True)[:200]
        return sorted({tag for tags in found for tag in tags or []})

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(tags__contains=[value])


def _change(pk: Any, actor: Any, **changes: Any) -> Function:
    name = Function.objects.values_list("language_title", flat=True).get(pk=pk)
    return functions.change(name, actor, **changes)


def _may_be_switched_on(function: Function) -> bool:
    return not function.is_active and (function.language != PYTHON or function.title in registry)


@admin.register(Function)
class FunctionAdmin(ActingAdmin):
    """The catalogue. What Python's functions are their code decides; people switch them off and on."""

    list_display = ("name", "language", "version", "state", "cached", "tagged", "summary", "changed")
    list_filter = (LanguageFilter, ActiveFilter, TagFilter)
    search_fields = ("title", "description")
    search_help_text = "In the title or the description."
    heavy = _DOCUMENTS
    acts = (
        Act(
            "edit",
            "Edit",
            "Calls are checked against the new description within five seconds, in all processes.",
            _change,
            "The function is changed.",
            form=FunctionChangeForm,
            offered=lambda function: function.language != PYTHON,
        ),
        Act(
            "switch-off",
            "Switch off",
            "New calls and jobs are refused. Jobs that wait already still run.",
            lambda pk, actor, **how: _change(pk, actor, is_active=False, **how),
            "The function is switched off.",
            danger=True,
            offered=lambda function: function.is_active,
        ),
        Act(
            "switch-on",
            "Switch on",
            "Calls and jobs are accepted again.",
            lambda pk, actor, **how: _change(pk, actor, is_active=True, **how),
            "The function is active.",
            offered=_may_be_switched_on,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).order_by("language_title")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Register a function in another language."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewFunctionForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and (made := self._register(request, form)):
            messages.success(request, f"{made.language_title} is registered.")
            return HttpResponseRedirect(self.url(made.pk))
        return self.page(request, "jobs/function_form.html", None, title="Register a function", form=form)

    def initial(self, row: Any) -> dict[str, Any]:
        return initial(row)

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        shown = {"Schema": obj.schema_definition, "Examples": obj.examples}
        return {
            **super().detail(request, obj),
            "state": self.state(obj),
            "facts": display.facts(_facts(obj)),
            "documents": [
                (name, documents.show(documents.pretty(value)) if value is not None else None)
                for name, value in shown.items()
            ],
            "history": acts_on(obj.pk),
        }

    def _register(self, request: HttpRequest, form: NewFunctionForm) -> Function | None:
        try:
            return functions.register(request.user, **form.cleaned_data)
        except InvalidFunction as error:
            for violation in error.violations:
                form.add_error(violation.pointer.split("/")[1], f"{violation.detail}.")
        except JobError as error:
            form.add_error(None, str(error))
        return None

    @admin.display(description="function")
    def name(self, function: Function) -> str:
        return function.language_title

    @admin.display(description="state")
    def state(self, function: Function) -> SafeString:
        if function.is_active:
            return display.badge("active")
        return display.badge("off", "handler gone" if function.vanished_at else "switched off")

    @admin.display(description="cache")
    def cached(self, function: Function) -> str:
        return display.span(function.cache_seconds)

    @admin.display(description="tags")
    def tagged(self, function: Function) -> SafeString:
        return display.tags(function.tags or [])

    @admin.display(description="description")
    def summary(self, function: Function) -> str:
        return display.short(function.description)

    @admin.display(description="changed")
    def changed(self, function: Function) -> SafeString:
        return display.moment(function.updated_at)


def _facts(function: Function) -> dict[str, Any]:
    python = function.language == PYTHON
    job_type = function.title if python else function.language_title
    return {
        "Description": function.description,
        "Language": function.language,
        "Version": function.version,
        "Tags": display.tags(function.tags or []),
        "Called at": format_html("<code>POST {}</code>", reverse("function-invoke", args=[function.language_title])),
        "Results kept": display.span(function.cache_seconds),
        "Timeout": display.span(function.timeout),
        "Retries": function.max_retries,
        "Registered by": "its handler" if python else function.created_by,
        "Registered": display.exact(function.created_at),
        "Changed": display.exact(function.updated_at),
        "Handler gone": display.exact(function.vanished_at) if function.vanished_at else None,
        "Jobs": format_html('<a href="{}?type={}">list them</a>', reverse("admin:jobs_job_changelist"), job_type),
        "Sessions": format_html(
            '<a href="{}?function={}">list them</a>', reverse("admin:jobs_session_changelist"), function.language_title
        ),
    }
