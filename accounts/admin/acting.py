"""Acts on users: each is asked about, gets a reason, is done by POST and only for administrators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise


class ReasonForm(forms.Form):
    """The question before every act."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kept in the audit log, beside your name and the time."),
    )


def _always(row: Any) -> bool:
    return True


@dataclass(frozen=True)
class Act:
    """One thing that administrators do to a row, and the words of its button and its question."""

    name: str
    label: StrOrPromise
    effect: StrOrPromise
    #: Called with the row, the person and what the form holds; what it answers is shown, else `done` is said.
    run: Callable[..., HttpResponse | None]
    done: StrOrPromise = ""
    form: type[forms.Form] = ReasonForm
    danger: bool = False
    offered: Callable[[Any], bool] = _always


class ActingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows with acts, each with a confirmation page."""

    acts: ClassVar[tuple[Act, ...]] = ()

    def has_act_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"<path:object_id>/{act.name.replace('_', '/')}/",
                self.admin_site.admin_view(partial(self.act_view, act=act)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{act.name}",
            )
            for act in self.acts
        ] + super().get_urls()

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        """Ask before the act, then do it; one that the row's state does not allow becomes a message."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.model, pk=self.opts.pk.to_python(object_id))
        back = self.after(row)
        if not act.offered(row):
            messages.warning(request, _("As it is now, this cannot be done."))
            return HttpResponseRedirect(back)
        form = act.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            answer = act.run(request, row, **form.cleaned_data)
            if answer is not None:
                return answer
            messages.success(request, act.done)
            return HttpResponseRedirect(back)
        shown = {"act": act, "form": form, "back": back, "title": act.label}
        return TemplateResponse(request, "jobs/confirm.html", {**self.around(request, row), **shown})

    def around(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Give what every page about a row has."""
        listed = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return {**self.admin_site.each_context(request), "opts": self.opts, "object": row, "list_url": listed}

    def after(self, row: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def buttons(self, request: HttpRequest, row: Any) -> list[tuple[Act, str]]:
        if not self.has_act_permission(request):
            return []
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return [(act, reverse(f"{name}_{act.name}", args=[row.pk])) for act in self.acts if act.offered(row)]
