from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from jobs.admin.facts import FactsAdmin
from jobs.admin.forms import ReasonForm
from jobs.exceptions import JobError


def _always(row: Any) -> bool:
    return True


@dataclass(frozen=True)
class Act:
    """One thing that people do to a row: a verb of the domain, and the words of its button and its question."""

    #: In the address of its confirmation page.
    name: str
    label: StrOrPromise
    #: What will come of it, said before it is confirmed.
    effect: StrOrPromise
    #: Called with the row's key, the person and what the form holds.
    run: Callable[..., Any]
    done: StrOrPromise
    form: type[forms.Form] = ReasonForm
    danger: bool = False
    #: Whether the button is shown; the verb itself refuses a wrong state, with a message.
    offered: Callable[[Any], bool] = _always


class ActingAdmin(FactsAdmin):
    """Rows with acts. Each has a confirmation page with a reason, is done by POST, and is refused to viewers."""

    acts: ClassVar[tuple[Act, ...]] = ()

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{act.name}/",
                self.admin_site.admin_view(partial(self.act_view, act=act)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{act.name}",
            )
            for act in self.acts
        ]
        return own + super().get_urls()

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        """Ask before the act, then do it; a state that does not allow it becomes a message that names the state."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self.not_found(request, object_id)
        form = act.form(request.POST if request.method == "POST" else None, initial=self.initial(row))
        if request.method == "POST" and form.is_valid():
            self.perform(request, act, row, form.cleaned_data)
            return HttpResponseRedirect(self.after(row))
        return self.page(request, "jobs/confirm.html", row, act=act, form=form, title=act.label, back=self.after(row))

    def perform(self, request: HttpRequest, act: Act, row: Any, chosen: dict[str, Any]) -> bool:
        try:
            act.run(row.pk, request.user, **chosen)
        except JobError as error:
            messages.error(request, str(error))
            return False
        except self.model.DoesNotExist:
            messages.error(request, _("This {thing} is gone.").format(thing=self.opts.verbose_name))
            return False
        messages.success(request, str(act.done))
        return True

    def initial(self, row: Any) -> dict[str, Any]:
        """Give what the act's form starts with."""
        return {}

    def after(self, row: Any) -> str:
        """Give the address to return to."""
        return self.url(row.pk)

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {**super().detail(request, obj), "buttons": self.buttons(request, obj)}

    def buttons(self, request: HttpRequest, row: Any) -> list[tuple[Act, str]]:
        """Give the acts that this person may do to this row now, each with its address."""
        if not self.has_act_permission(request):
            return []
        return [(act, self.act_url(act.name, row.pk)) for act in self.acts if act.offered(row)]

    def act_url(self, name: str, pk: object) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[str(pk)])
