from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from jobs import conf
from jobs.admin import display
from jobs.admin.facts import FactsAdmin
from jobs.models import SearchIndex, SearchRejection
from jobs.search.engine.failures import EngineError
from jobs.search.engine.link import engine
from jobs.search.mapping import MAPPING_VERSION
from jobs.search.sync import state

#: Of the rejections; the others are in a list of their own.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Said:
    """What the engine says of itself, or why it says nothing."""

    product: str = ""
    health: str = ""
    documents: int | None = None
    failure: str = ""


@admin.register(SearchIndex)
class SearchIndexAdmin(FactsAdmin):
    """Search on one page: who answers, the indexes, what is still to be sent, and what lies aside."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        indexes = list(SearchIndex.objects.all()[:20])
        context = {
            "configured": bool(conf.search_urls()),
            "said": ask_engine(),
            "figures": state.figures(),
            "most_counted": state.MOST_COUNTED,
            "indexes": [(index, _share(index), index.mapping_version != MAPPING_VERSION) for index in indexes],
            "serving": next((index for index in indexes if index.state == SearchIndex.State.SERVING), None),
            "rejections": list(SearchRejection.objects.order_by("-rejected_at")[:_SHOWN]),
        }
        return self.page(request, "jobs/search.html", None, title=_("Search"), **context)

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            _("Mapping"): _("{version} (this release: {ours})").format(
                version=obj.mapping_version, ours=MAPPING_VERSION
            ),
            _("Made"): display.exact(obj.created_at),
            _("Loaded"): f"{obj.loaded:,}"
            if obj.loaded_at
            else _("{loaded} of about {expected}").format(loaded=f"{obj.loaded:,}", expected=f"{obj.expected:,}"),
            _("Loaded to"): obj.loaded_to if not obj.loaded_at else None,
            _("All loaded"): display.exact(obj.loaded_at),
            _("Serves since"): display.exact(obj.serving_since),
            _("Retired"): display.exact(obj.retired_at),
            _("Reconciled"): display.exact(obj.reconciled_at),
            _("Found missing"): obj.missing,
            _("Found stale"): obj.stale,
            _("Found orphaned"): obj.orphaned,
        }
        badge = display.badge(obj.state, obj.get_state_display())
        return {**super().detail(request, obj), "state": badge, "facts": display.facts(facts)}


def ask_engine() -> Said | None:
    """Ask the engine how it is; None when there is none. It may be away: then that is the answer."""
    found = engine()
    if found is None:
        return None
    alias = conf.search_alias()
    try:
        product = str(found.info())
        if not found.aliases(alias):
            return Said(product)
        counted = found.search(alias, {"size": 0, "track_total_hits": True})
        return Said(product, found.health(alias), counted["hits"]["total"]["value"])
    except EngineError as error:
        return Said(failure=str(error))


def _share(index: SearchIndex) -> int | None:
    """Give the per cent of an index that are loaded; None when nothing is left to load, or nobody knows."""
    if index.loaded_at or index.state == SearchIndex.State.RETIRED or not index.expected:
        return None
    return min(99, index.loaded * 100 // index.expected)
