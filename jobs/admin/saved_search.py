from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.history import acts_on
from jobs.exceptions import InvalidOption
from jobs.models import SavedSearch
from jobs.search import saving
from jobs.search.language.errors import QueryError


class SavedSearchForm(forms.Form):
    """A name for a query; the name of another of one's own searches replaces it."""

    name = forms.CharField(
        max_length=80, help_text=_("If you have a search of this name already, it becomes this one.")
    )
    query = forms.CharField(widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "json-editor"}))
    shared = forms.BooleanField(label=_("Show it to everybody who uses this console"), required=False)

    def keep(self, user: Any) -> SavedSearch | None:
        """Save it, or say beside the field what is wrong."""
        said = self.cleaned_data
        try:
            return saving.save(user, said["name"], said["query"], shared=said["shared"])
        except QueryError as error:
            place = "" if error.position is None else _("At character {number}.").format(number=error.position + 1)
            self.add_error("query", ValidationError(f"{error.message} {place}".strip()))
        except InvalidOption as error:
            self.add_error(error.option, error.detail.capitalize())
        return None


def _delete(pk: Any, actor: Any, reason: str = "") -> None:
    saving.delete(pk, actor, reason)


@admin.register(SavedSearch)
class SavedSearchAdmin(ActingAdmin):
    """The searches that somebody keeps: one's own, and those that others share."""

    nothing_yet = _("Nobody has saved one yet: “Save this one…” stands beside the box above the jobs.")
    list_display = ("name", "asks", "whose", "created", "use")
    list_display_links = ("name",)
    acts = (
        Act(
            "delete",
            _("Delete"),
            _("It is gone for everybody who uses it. The jobs that it finds are not touched."),
            _delete,
            _("The search is deleted."),
            danger=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return SavedSearch.objects.offered_to(request.user).select_related("user")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        return found if found and (found.shared or found.user_id == request.user.pk) else None

    def detail_queryset(self) -> QuerySet[Any]:
        return SavedSearch.objects.select_related("user")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for a name of the query in the address; then keep it."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        posted = request.POST if request.method == "POST" else None
        form = SavedSearchForm(posted, initial={"query": request.GET.get("query", "")})
        if posted is not None and form.is_valid() and (saved := form.keep(request.user)):
            messages.success(request, _("The search “{name}” is saved.").format(name=saved.name))
            return HttpResponseRedirect(jobs_url(saved.query))
        back = jobs_url(request.GET.get("query", ""))
        return self.page(request, "jobs/saved_search_form.html", None, title=_("Save a search"), form=form, back=back)

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        saved = self.get_object(request, object_id)
        if saved is not None and not saving.may_delete(saved, request.user):
            raise PermissionDenied
        return super().act_view(request, object_id, act)

    def buttons(self, request: HttpRequest, row: Any) -> list[tuple[Act, str]]:
        return super().buttons(request, row) if saving.may_delete(row, request.user) else []

    def after(self, row: Any) -> str:
        return self.url(row.pk) if SavedSearch.objects.filter(pk=row.pk).exists() else self.list_url()

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            _("Query"): format_html('<a href="{}"><code>{}</code></a>', jobs_url(obj.query), obj.query),
            _("Whose"): self.whose(obj),
            _("Saved"): display.exact(obj.created_at),
        }
        return {**super().detail(request, obj), "facts": display.facts(facts), "history": acts_on(obj.pk)}

    @admin.display(description=_("query"))
    def asks(self, search: SavedSearch) -> SafeString:
        return format_html("<code>{}</code>", display.short(search.query, 120))

    @admin.display(description=_("whose"))
    def whose(self, search: SavedSearch) -> str:
        return _("{user}, shared").format(user=search.user) if search.shared else str(search.user)

    @admin.display(description=_("saved"))
    def created(self, search: SavedSearch) -> SafeString:
        return display.moment(search.created_at)

    @admin.display(description="")
    def use(self, search: SavedSearch) -> SafeString:
        return format_html('<a href="{}">{}</a>', jobs_url(search.query), _("Search"))


def jobs_url(query: str) -> str:
    """Give the address of the jobs that a query finds."""
    return f"{reverse('admin:jobs_job_changelist')}?{urlencode({'q': query})}"
