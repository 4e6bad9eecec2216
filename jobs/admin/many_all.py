"""An act on all that a list's filter finds: the count and some of them first, then a bulk operation that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.bulk import wishes
from jobs.bulk.acts import ACTS
from jobs.bulk.beginning import begin
from jobs.bulk.looking import preview
from jobs.bulk.wishes import Wish
from jobs.exceptions import InvalidOption, SearchTooBroad
from jobs.models import DeadLetter, Job
from jobs.models.statement_limit import StatementStopped

if TYPE_CHECKING:
    from jobs.admin.acts import Act
    from jobs.admin.many import ManyAdmin

TARGETS: Final[dict[Any, str]] = {Job: "job", DeadLetter: "dead_letter"}
#: What the forms of acts hold beside the reason, and operations take as arguments.
_ARGUMENTS: Final = ("priority", "queue")


class PaceForm(forms.Form):
    """How carefully many rows are worked off; empty is as fast as it goes, all of them."""

    rate_per_second = forms.FloatField(
        label=gettext_lazy("Rows a second, at most"),
        required=False,
        min_value=wishes.SLOWEST,
        max_value=wishes.FASTEST,
        help_text=gettext_lazy("Empty is as fast as it goes. It can be changed while the operation runs."),
    )
    max_items = forms.IntegerField(
        label=gettext_lazy("Rows altogether, at most"),
        required=False,
        min_value=1,
        max_value=wishes.MOST_ITEMS,
        help_text=gettext_lazy("Empty is all of them, the oldest first."),
    )
    canary = forms.IntegerField(
        label=gettext_lazy("Try it on so many first"),
        required=False,
        min_value=1,
        max_value=wishes.LARGEST_CANARY,
        help_text=gettext_lazy("Then it pauses, and you see what became of them before the others follow."),
    )
    canary_proceeds = forms.BooleanField(
        label=gettext_lazy("Go on by itself once all of these have succeeded"), required=False
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("canary_proceeds") and not cleaned.get("canary") and "canary" not in self.errors:
            self.add_error("canary", _("Say how many to try it on first."))
        return cleaned


def is_for_all(admin: ManyAdmin, request: HttpRequest, act: Act) -> bool:
    """Tell whether an operation can do the act to what the list's filters find."""
    return (TARGETS.get(admin.model, ""), act.name) in ACTS and admin.selector(request) is not None


def ask_for_all(admin: ManyAdmin, request: HttpRequest, act: Act, form: Any = None) -> TemplateResponse:
    """Show what the filters find, and ask how it is to be done."""
    found = None
    try:
        found = preview(Wish(TARGETS[admin.model], act.name, admin.selector(request) or {}).looked_at())
    except (SearchTooBroad, StatementStopped):
        pass  # the page says that they were not counted
    except InvalidOption as error:
        messages.error(request, str(error))
    context = {
        "act": act,
        "effect": ACTS[TARGETS[admin.model], act.name].effect,
        "form": form or _form(admin, act)(),
        "found": found,
        "here": admin.all_url(request, act.name),
        "back": f"{admin.list_url()}?{request.GET.urlencode()}",
    }
    return admin.page(request, "jobs/many_all.html", None, title=act.label, **context)


def begin_for_all(admin: ManyAdmin, request: HttpRequest, act: Act) -> HttpResponse:
    """Begin the operation that the form wishes for; a form with an error is shown again."""
    form = _form(admin, act)(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return ask_for_all(admin, request, act, form if request.method == "POST" else None)
    chosen = form.cleaned_data
    wish = Wish(
        TARGETS[admin.model],
        act.name,
        admin.selector(request) or {},
        {name: chosen[name] for name in _ARGUMENTS if chosen.get(name) not in (None, "")},
        chosen.get("reason", ""),
        chosen["rate_per_second"],
        chosen["max_items"],
        chosen["canary"],
        chosen["canary_proceeds"],
    )
    try:
        operation = begin(wish, request.user)
    except InvalidOption as error:
        form.add_error(None, str(error))
        return ask_for_all(admin, request, act, form)
    messages.success(request, _("The operation has begun. What comes from now on is not touched by it."))
    return HttpResponseRedirect(reverse("admin:jobs_bulkoperation_change", args=[operation.pk]))


def _form(admin: ManyAdmin, act: Act) -> type[forms.Form]:
    """Put the act's own form and that of the pace together; what destroys something needs a reason."""
    own = admin.many_form(act)

    class AllForm(PaceForm, own):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if act.danger and "reason" in self.fields:
                self.fields["reason"].required = True
            self.order_fields([*own.base_fields, *PaceForm.base_fields])

    return AllForm
