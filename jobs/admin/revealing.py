"""Secret values on request: asked for with a reason, written into the audit log, shown on one page and kept nowhere."""

from typing import Any, ClassVar, Final

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import documents
from jobs.admin.acts import Act
from jobs.admin.facts import FactsAdmin
from jobs.admin.forms import ReasonForm
from jobs.models.audit import audit

#: Operators have it by their role, viewers never.
PERMISSION: Final = "jobs.reveal_secrets"


class RevealForm(ReasonForm):
    """Nobody looks at secrets without saying why."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True


def _nothing(*args: Any) -> None:
    """Revealing changes nothing."""


REVEAL: Final = Act(
    "reveal",
    gettext_lazy("Reveal the secret values"),
    gettext_lazy(
        "They are shown on one page, to you. The audit log keeps that you have seen them, and the reason; do not look "
        "further than your work needs."
    ),
    _nothing,
    "",
    form=RevealForm,
)


class RevealingAdmin(FactsAdmin):
    """Rows with payloads whose secret fields are masked; those who may can have them shown."""

    #: The payloads, read as text by `detail_queryset`: `payload` is in `payload_text`.
    secretive: ClassVar[tuple[str, ...]] = ("payload",)

    def job_type_of(self, row: Any) -> str:
        """Give the job type, or the function, whose schema says what is secret."""
        name: str = row.job_type
        return name

    def text_of(self, row: Any, name: str) -> str | None:
        """Give a payload as the database has it."""
        text: str | None = getattr(row, f"{name}_text")
        return text

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reveal_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_reveal"
        return [path("<path:object_id>/reveal/", view, name=name), *super().get_urls()]

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {**super().detail(request, obj), "reveal_url": self._reveal_url(obj) if may_reveal(request) else ""}

    def reveal_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason, then show the payloads as they are."""
        if not may_reveal(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self.not_found(request, object_id)
        hidden = [name for name in self.secretive if self._shown(row, name, masked=True).secrets]
        if not hidden:
            messages.info(request, _("Nothing is masked here."))
            return HttpResponseRedirect(self.url(row.pk))
        form = RevealForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            return self._reveal(request, row, hidden, form.cleaned_data["reason"])
        back = self.url(row.pk)
        return self.page(request, "jobs/confirm.html", row, act=REVEAL, form=form, title=REVEAL.label, back=back)

    def _reveal(self, request: HttpRequest, row: Any, hidden: list[str], reason: str) -> HttpResponse:
        audit(request.user, "reveal", row, reason, fields=hidden)
        shown = [(_label(name), self._shown(row, name, masked=False)) for name in hidden]
        title = _("Secret values, shown once")
        response = self.page(request, "jobs/revealed.html", row, documents=shown, title=title, back=self.url(row.pk))
        response["Cache-Control"] = "no-store"
        return response

    def _shown(self, row: Any, name: str, *, masked: bool) -> documents.Document:
        found = documents.show(self.text_of(row, name), self.job_type_of(row) if masked else None)
        return found or documents.Document("", 0, False, True)

    def _reveal_url(self, row: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_reveal", args=[str(row.pk)])


def may_reveal(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(PERMISSION))


def _label(name: str) -> str | Promise:
    return name.replace("_", " ").capitalize()
