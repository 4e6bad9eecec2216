from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs.admin import display
from jobs.admin.acts import Act
from jobs.admin.facts import anchor
from jobs.admin.history import acts_on
from jobs.admin.many import ManyAdmin
from jobs.models import SearchRejection
from jobs.search.sync.trying_again import try_again


@admin.register(SearchRejection)
class SearchRejectionAdmin(ManyAdmin):
    """The documents that the search engine would not take, and why."""

    nothing_yet = _("The engine has taken every document.")
    list_display = ("job", "why", "version", "tries", "rejected", "next_try")
    list_display_links = None
    acts = (
        Act(
            "again",
            _("Try again"),
            _("The next round of the sync sends it once more. If the engine refuses it again, it is put aside again."),
            try_again,
            _("It is sent once more."),
        ),
    )
    many = ("again",)

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            _("Job"): anchor("job", obj.pk, obj.pk),
            _("Version"): obj.version,
            _("The engine says"): obj.error_message,
            _("Tries"): obj.tries,
            _("Put aside"): display.exact(obj.rejected_at),
            _("Next try"): display.exact(obj.retry_at),
        }
        return {**super().detail(request, obj), "facts": display.facts(facts), "history": acts_on(obj.pk)}

    @admin.display(description=_("job"))
    def job(self, rejection: SearchRejection) -> SafeString:
        return anchor("job", rejection.pk, display.key(rejection.pk))

    @admin.display(description=_("the engine says"))
    def why(self, rejection: SearchRejection) -> SafeString:
        return anchor("searchrejection", rejection.pk, display.short(rejection.error_message, 160))

    @admin.display(description=_("put aside"))
    def rejected(self, rejection: SearchRejection) -> SafeString:
        return display.moment(rejection.rejected_at)

    @admin.display(description=_("next try"))
    def next_try(self, rejection: SearchRejection) -> SafeString:
        return display.moment(rejection.retry_at)
