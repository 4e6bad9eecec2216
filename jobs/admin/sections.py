"""The console's sections, as its rail shows them: in groups, in the order of an operator's day."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from jobs.models import BulkOperation, DeadLetterGroup


@dataclass(frozen=True, slots=True)
class Place:
    """A list of the console: its model, and the beginnings of other addresses that it stands for."""

    name: StrOrPromise
    #: Its permission to look at decides who sees the section; one that is not registered has no list.
    model: str
    #: Pressed behind g, it leads here.
    key: str = ""
    others: tuple[str, ...] = ()
    #: What is asked for, where that is no list of rows.
    page: str = ""
    #: What there is to do, if it can be counted at once.
    count: Callable[[], int] | None = None

    @property
    def permission(self) -> str:
        return self.model.replace(".", ".view_")

    @property
    def url(self) -> str:
        """Its address, or nothing where it does not exist."""
        app_label, _dot, name = self.model.partition(".")
        if not self.page and not any(model._meta.label_lower == self.model for model in admin.site._registry):
            return ""
        try:
            return reverse(self.page or f"admin:{app_label}_{name}_changelist")
        except NoReverseMatch:
            return ""


def _open_letters() -> int:
    return DeadLetterGroup.objects.on_the_desk().aggregate(letters=Sum("open_count"))["letters"] or 0


def _live_operations() -> int:
    return BulkOperation.objects.live().count()


_ANALYTICS: Final = tuple(f"analytics/{page}/" for page in ("usage", "performance", "errors", "cache"))
GROUPS: Final[tuple[tuple[StrOrPromise, tuple[Place, ...]], ...]] = (
    (
        _("Work"),
        (
            Place(_("Dead letters"), "jobs.deadlettergroup", "d", ("jobs/deadletter/",), count=_open_letters),
            Place(_("Jobs"), "jobs.job", "j", ("jobs/savedsearch/",)),
            Place(_("Bulk operations"), "jobs.bulkoperation", "b", count=_live_operations),
            Place(_("Batches"), "jobs.batch", "t"),
            Place(_("Schedules"), "jobs.schedule", "s"),
        ),
    ),
    (
        _("Machines"),
        (
            Place(_("Queues"), "jobs.queue", "q"),
            Place(_("Workers"), "jobs.worker", "w"),
            Place(_("Locks"), "jobs.processinglock", "o"),
            Place(_("Supervisors"), "jobs.supervisor", "v"),
            Place(_("Functions"), "jobs.function", "f"),
            Place(_("Sessions"), "jobs.session", "e"),
        ),
    ),
    (
        _("Content"),
        (
            Place(_("Articles"), "jobs.article", "a"),
            Place(_("Summaries"), "jobs.summary", "m"),
            Place(_("Podcasts"), "jobs.podcast", "p"),
            Place(_("Providers"), "jobs.providerstate", "r"),
            Place(_("Provider calls"), "jobs.providercall", "c"),
        ),
    ),
    (
        _("Insight"),
        (
            Place(_("Analytics"), "analytics.usageday", "y", _ANALYTICS, page="analytics:usage"),
            Place(_("Request log"), "analytics.requestlog", "l"),
            Place(_("Error log"), "analytics.errorlog", "x"),
            Place(_("Audit log"), "jobs.auditentry", "i"),
            Place(_("System health"), "jobs.worker", "n", page="console:health"),
            Place(_("Search"), "jobs.searchindex", "z", ("jobs/searchrejection/",)),
        ),
    ),
    (
        _("Access"),
        (
            Place(_("API users"), "accounts.user", "u"),
            Place(_("Failed logins"), "accounts.loginlock", "h"),
            Place(_("Webhooks"), "jobs.webhookendpoint", "k", ("jobs/webhookdelivery/",)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Section:
    name: StrOrPromise
    url: str
    key: str
    current: bool
    #: For the element with the count, if it has one.
    id: str = ""
    count: int = 0

    @property
    def count_shown(self) -> str:
        return "999+" if self.count > 999 else str(self.count)


@dataclass(frozen=True, slots=True)
class Group:
    name: StrOrPromise
    sections: list[Section]


def groups(request: HttpRequest) -> list[Group]:
    """Give the sections that this person may see, the overview in front of all groups."""
    home = reverse("admin:index")
    overview = Section(_("Home"), home, "h", request.path == home)
    found = [Group(name, _visible(places, request, home)) for name, places in GROUPS]
    return [Group("", [overview]), *(group for group in found if group.sections)]


def _visible(places: tuple[Place, ...], request: HttpRequest, home: str) -> list[Section]:
    allowed = [(place, place.url) for place in places if request.user.has_perm(place.permission)]
    return [
        Section(
            name=place.name,
            url=url,
            key=place.key,
            current=request.path.startswith((url, *(home + other for other in place.others))),
            id=f"rail-{place.model.partition('.')[2]}" if place.count else "",
            count=place.count() if place.count else 0,
        )
        for place, url in allowed
        if url
    ]
