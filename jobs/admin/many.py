"""Acts on many rows: those ticked in a list, or all that its filter finds. The count comes first, then the act."""

from functools import partial
from typing import Any, ClassVar, Final
from uuid import UUID

import django
from django import forms
from django.contrib import messages
from django.contrib.admin import options
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.many_all import ask_for_all, begin_for_all, is_for_all
from jobs.admin.paging import CAP
from jobs.dead_letters import BulkReport
from jobs.exceptions import JobError

#: Rows that one request acts on; a larger set is worked off in several.
AT_ONCE: Final = 1_000


class ManyAdmin(ActingAdmin):
    """Rows with UUIDv7 keys and acts that can be done to many of them."""

    #: The acts, by name, that are offered for many rows.
    many: ClassVar[tuple[str, ...]] = ()
    #: Forms that differ from those of the act on one row.
    many_forms: ClassVar[dict[str, type[forms.Form]]] = {}

    def get_urls(self) -> list[URLPattern]:
        name, view = f"{self.opts.app_label}_{self.opts.model_name}_many", self.admin_site.admin_view
        return [
            path("many/<slug:act>/", view(self.many_view), name=name),
            path("many/<slug:act>/all/", view(self.all_view), name=f"{name}_all"),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        on_form = getattr(action_location, "name", "") == "CHANGE_FORM"
        if on_form or not self.has_act_permission(request):
            return {}
        return {act.name: _listed(act) for act in self.acts if act.name in self.many}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        _ids(request, ACTION_CHECKBOX_NAME)  # Django would trip over a key that is none
        return super().changelist_view(request, extra_context)

    def many_url(self, request: HttpRequest, act: str) -> str:
        base = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_many", args=[act])
        return f"{base}?{request.GET.urlencode()}"

    def all_url(self, request: HttpRequest, act: str) -> str:
        base = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_many_all", args=[act])
        return f"{base}?{request.GET.urlencode()}"

    def all_view(self, request: HttpRequest, act: str) -> HttpResponse:
        """Ask about all that the filter finds, then begin an operation that acts on them and go to its page."""
        chosen = self._chosen(request, act)
        if not is_for_all(self, request, chosen):
            return HttpResponseRedirect(self.many_url(request, act))
        return begin_for_all(self, request, chosen)

    def _chosen(self, request: HttpRequest, act: str) -> Act:
        chosen = next((candidate for candidate in self.acts if candidate.name == act and act in self.many), None)
        if chosen is None or not self.has_act_permission(request):
            raise PermissionDenied
        return chosen

    def many_view(self, request: HttpRequest, act: str) -> HttpResponse:
        """Show how many rows the filter finds and ask; then act on those, or on the ticked ones among them."""
        chosen = self._chosen(request, act)
        if request.method != "POST" and is_for_all(self, request, chosen):
            return ask_for_all(self, request, chosen)
        if request.method != "POST":
            return self.within_limit(request, lambda: self.ask(request, chosen, self.found_rows(request)))
        rows = self.found_rows(request)
        ids, upto = _ids(request, "id") or None, _ids(request, "upto")
        form = self.many_form(chosen)(request.POST)
        rows = rows.filter(pk__in=ids) if ids else rows
        if not form.is_valid() or not upto:
            return self.ask(request, chosen, rows, ids, form)
        report = self.perform_many(chosen, rows.filter(pk__lte=upto[0]), request.user, form.cleaned_data)
        self.tell(request, chosen, report)
        return HttpResponseRedirect(f"{self.list_url()}?{request.GET.urlencode()}")

    def selector(self, request: HttpRequest) -> dict[str, Any] | None:
        """Give the selector of a bulk operation that finds what the address's filters find.

        {"filter": {…}} by the names that jobs.bulk.selectors.NAMES has, or {"ids": […]}. None where the filters say
        more than these names can: then the rows are worked off in the request, so many at a time.
        """
        return None

    def found_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Give the rows that the address's filters find."""
        try:
            rows: QuerySet[Any] = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as error:
            raise SuspiciousOperation("The address holds a filter that this list does not have.") from error
        return rows

    def ask(
        self, request: HttpRequest, act: Act, rows: QuerySet[Any], ids: list[UUID] | None = None, form: Any = None
    ) -> TemplateResponse:
        keys = rows.order_by("-pk").values_list("pk", flat=True)
        count = keys[: CAP + 1].count()
        context = {
            "act": act,
            "form": form or self.many_form(act)(),
            "ids": ids,
            "upto": keys.first(),
            "count": min(count, CAP),
            "more": count > CAP,
            "at_once": AT_ONCE,
            "sample": rows.order_by("-pk")[:5],
            "here": self.many_url(request, act.name),
            "back": f"{self.list_url()}?{request.GET.urlencode()}",
            **self.asked_beside(request, rows),
        }
        return self.page(request, "jobs/many.html", None, title=act.label, **context)

    def asked_beside(self, request: HttpRequest, rows: QuerySet[Any]) -> dict[str, Any]:
        """Give what the question shows, or takes along, beside that."""
        return {}

    def many_form(self, act: Act) -> type[forms.Form]:
        return self.many_forms.get(act.name, act.form)

    def perform_many(self, act: Act, rows: QuerySet[Any], actor: Any, chosen: dict[str, Any]) -> BulkReport:
        """Do the act to at most AT_ONCE rows; those that cannot be acted on are reported, not fatal."""
        report = BulkReport()
        for pk in list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
            try:
                act.run(pk, actor, **chosen)
            except (JobError, self.model.DoesNotExist) as error:
                report.skipped += 1
                report.reasons[str(pk)] = str(error)
            else:
                report.done += 1
        return report

    def tell(self, request: HttpRequest, act: Act, report: BulkReport) -> None:
        name = self.opts.verbose_name if report.done == 1 else self.opts.verbose_name_plural
        messages.add_message(
            request,
            messages.SUCCESS if report.done else messages.WARNING,
            _("{act}: {count} {name} done, {left} left alone.").format(
                act=act.label, count=f"{report.done:,}", name=name, left=f"{report.skipped:,}"
            )
            if report.skipped
            else _("{act}: {count} {name} done.").format(act=act.label, count=f"{report.done:,}", name=name),
        )
        for pk, reason in list(report.reasons.items())[:5]:
            messages.warning(request, f"{pk}: {reason}")
        if report.done + report.skipped >= AT_ONCE:
            most = _("At most {number} are done at a time. Do it again for the rest.")
            messages.info(request, most.format(number=f"{AT_ONCE:,}"))


def _listed(act: Act) -> Any:
    """Put an act into the form that the changelist of this Django version takes."""
    ask = partial(_ask_for_ticked, act=act)
    if django.VERSION < (6, 1):
        return ask, act.name, act.label
    return options.Action(ask, act.name, str(act.label), str(act.label), [options.ActionLocation.CHANGE_LIST])


def _ask_for_ticked(admin: ManyAdmin, request: HttpRequest, rows: QuerySet[Any], act: Act) -> TemplateResponse:
    across = request.POST.get("select_across") == "1"
    if across and is_for_all(admin, request, act):
        return ask_for_all(admin, request, act)
    return admin.ask(request, act, rows, None if across else list(rows.values_list("pk", flat=True)))


def _ids(request: HttpRequest, name: str) -> list[UUID]:
    try:
        return [UUID(text) for text in request.POST.getlist(name)]
    except ValueError as error:
        raise SuspiciousOperation(f"{name} must be a UUID") from error
