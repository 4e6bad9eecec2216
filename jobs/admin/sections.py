"""The console's sections, as its header shows them: the everyday ones in a line, the others in a menu behind it."""

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Place:
    """A list of the console: its model, and the beginnings of other addresses that it stands for."""

    name: str
    model: str
    others: tuple[str, ...] = ()
    #: What is asked for, where that is no list of rows.
    page: str = ""

    @property
    def permission(self) -> str:
        return self.model.replace(".", ".view_")

    @property
    def url(self) -> str:
        return reverse(self.page or f"admin:{self.model.replace('.', '_')}_changelist")


#: In the order of an operator's day; more of them would not fit into one line of 1280 pixels.
LINE: Final = (
    Place("Dead letters", "jobs.deadlettergroup", others=("jobs/deadletter/",)),
    Place("Jobs", "jobs.job", others=("jobs/savedsearch/",)),
    Place("Schedules", "jobs.schedule"),
    Place("Functions", "jobs.function"),
    Place("Queues", "jobs.queue"),
    Place("Workers", "jobs.worker"),
    Place("Analytics", "analytics.usageday", others=("analytics/",), page="analytics:usage"),
)
#: Asked for less often.
MENU: Final = (
    Place("Articles", "jobs.article"),
    Place("Summaries", "jobs.summary"),
    Place("Podcasts", "jobs.podcast"),
    Place("Batches", "jobs.batch"),
    Place("Sessions", "jobs.session"),
    Place("Locks", "jobs.processinglock"),
    Place("Supervisors", "jobs.supervisor"),
    Place("Providers", "jobs.providerstate"),
    Place("Provider calls", "jobs.providercall"),
    Place("Search", "jobs.searchindex", others=("jobs/searchrejection/",)),
    Place("Audit", "jobs.auditentry"),
    Place("Users", "accounts.user"),
)


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Header:
    line: list[Section]
    menu: list[Section]

    @property
    def inside(self) -> Section | None:
        """The section of the menu that the page belongs to, which its button then names."""
        return next((section for section in self.menu if section.current), None)


def header(request: HttpRequest) -> Header:
    """Give the sections that this person may see."""
    home = reverse("admin:index")
    overview = Section("Overview", home, request.path == home)
    return Header([overview, *_visible(LINE, request, home)], _visible(MENU, request, home))


def _visible(places: tuple[Place, ...], request: HttpRequest, home: str) -> list[Section]:
    return [
        Section(place.name, place.url, request.path.startswith((place.url, *(home + other for other in place.others))))
        for place in places
        if request.user.has_perm(place.permission)
    ]
