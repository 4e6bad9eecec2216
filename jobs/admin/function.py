from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import functions
from jobs.admin import display, documents, function_try
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
    title = gettext_lazy("language")
    parameter_name = "language"

    def names(self) -> list[str]:
        return list(Function.objects.order_by("language").values_list("language", flat=True).distinct()[:200])

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(language=value)


class ActiveFilter(FixedFilter):
    title = gettext_lazy("state")
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("true", _("Active")), ("false", _("Switched off"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(is_active=value == "true")


class TagFilter(OpenFilter):
    title = gettext_lazy("tag")
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

    add_label = gettext_lazy("Register a function")
    list_display = ("name", "language", "version", "state", "cached", "tagged", "summary", "changed")
    list_filter = (LanguageFilter, ActiveFilter, TagFilter)
    search_fields = ("language_title", "description")
    search_help_text = gettext_lazy("In the name or the description.")
    heavy = _DOCUMENTS
    detail_template = "jobs/function.html"
    nothing_yet = gettext_lazy("Functions in Python register themselves when a handler is found; add others above.")
    acts = (
        Act(
            "edit",
            gettext_lazy("Edit"),
            gettext_lazy("Calls are checked against the new description within five seconds, in all processes."),
            _change,
            gettext_lazy("The function is changed."),
            form=FunctionChangeForm,
            offered=lambda function: function.language != PYTHON,
        ),
        Act(
            "switch-off",
            gettext_lazy("Switch off"),
            gettext_lazy("New calls and jobs are refused. Jobs that wait already still run."),
            lambda pk, actor, **how: _change(pk, actor, is_active=False, **how),
            gettext_lazy("The function is switched off."),
            danger=True,
            offered=lambda function: function.is_active,
        ),
        Act(
            "switch-on",
            gettext_lazy("Switch on"),
            gettext_lazy("Calls and jobs are accepted again."),
            lambda pk, actor, **how: _change(pk, actor, is_active=True, **how),
            gettext_lazy("The function is active."),
            offered=_may_be_switched_on,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(lambda request, object_id: function_try.ask(self, request, object_id))
        return [path("<path:object_id>/try/", view, name="jobs_function_try"), *super().get_urls()]

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
            messages.success(request, _("%(name)s is registered.") % {"name": made.language_title})
            return HttpResponseRedirect(self.url(made.pk))
        return self.page(request, "jobs/function_form.html", None, title=_("Register a function"), form=form)

    def initial(self, row: Any) -> dict[str, Any]:
        return initial(row)

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        shown = {_("Schema"): obj.schema_definition, _("Examples"): obj.examples}
        return {
            **super().detail(request, obj),
            "state": self.state(obj),
            "facts": display.facts(_facts(obj)),
            "documents": [
                (name, documents.show(documents.pretty(value)) if value is not None else None)
                for name, value in shown.items()
            ],
            "try_url": self.act_url("try", obj.pk) if obj.is_active and self.has_act_permission(request) else "",
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

    @admin.display(description=gettext_lazy("function"))
    def name(self, function: Function) -> str:
        return function.language_title

    @admin.display(description=gettext_lazy("state"))
    def state(self, function: Function) -> SafeString:
        if function.is_active:
            return display.badge("active", _("active"))
        return display.badge("off", _("handler gone") if function.vanished_at else _("switched off"))

    @admin.display(description=gettext_lazy("cache"))
    def cached(self, function: Function) -> str:
        return display.span(function.cache_seconds)

    @admin.display(description=gettext_lazy("tags"))
    def tagged(self, function: Function) -> SafeString:
        return display.tags(function.tags or [])

    @admin.display(description=gettext_lazy("description"))
    def summary(self, function: Function) -> str:
        return display.short(function.description)

    @admin.display(description=gettext_lazy("changed"))
    def changed(self, function: Function) -> SafeString:
        return display.moment(function.updated_at)


def _facts(function: Function) -> dict[str, Any]:
    python = function.language == PYTHON
    job_type = function.title if python else function.language_title
    return {
        _("Description"): function.description,
        _("Language"): function.language,
        _("Version"): function.version,
        _("Tags"): display.tags(function.tags or []),
        _("Called at"): format_html("<code>POST {}</code>", reverse("function-invoke", args=[function.language_title])),
        _("Results kept"): display.span(function.cache_seconds),
        _("Timeout"): display.span(function.timeout),
        _("Retries"): function.max_retries,
        _("Registered by"): _("its handler") if python else function.created_by,
        _("Registered"): display.exact(function.created_at),
        _("Changed"): display.exact(function.updated_at),
        _("Handler gone"): display.exact(function.vanished_at) if function.vanished_at else None,
        _("Jobs"): _listed("job", "type", job_type),
        _("Sessions"): _listed("session", "function", function.language_title),
    }


def _listed(model: str, name: str, value: str) -> SafeString:
    address = reverse(f"admin:jobs_{model}_changelist")
    return format_html('<a href="{}?{}={}">{}</a>', address, name, value, _("list them"))
