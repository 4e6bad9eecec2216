"""What stands in the forms above the list of jobs."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from accounts.uuid7 import first_id_behind, first_id_since, first_uuid7
from jobs.admin import job_columns
from jobs.admin.filters import WINDOWS, FixedFilter
from jobs.admin.job_export import MOST
from jobs.admin.moment_filters import MomentFilter, read_moment

#: Parameters of the address that narrow nothing.
NO_FILTERS: Final = frozenset({"before", "after", "columns"})
#: Those that the form of the filters sets.
CHOSEN: Final = frozenset({"type", "queue", "window", "from", "to"})


@dataclass(frozen=True, slots=True)
class Select:
    name: str
    title: Any
    #: The word for no choice.
    nothing: StrOrPromise
    options: list[tuple[str, StrOrPromise]]
    chosen: str


class JobChoices:
    """For the change list: fields of its forms, with what was chosen."""

    params: dict[str, Any]
    filter_specs: Any
    request: HttpRequest
    most_exported = MOST

    @property
    def narrowed(self) -> bool:
        """Whether anything but the status narrows the list, beside the query."""
        return any(name not in {"status", "deleted", "q", *NO_FILTERS} for name in self.params)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the form of the filters takes along beside its own fields."""
        return [(name, value) for name, value in self.params.items() if name not in {*CHOSEN, *NO_FILTERS}]

    @property
    def selects(self) -> list[Select]:
        """The choices among known words; the word in the address is among them, whatever it is."""
        nothing = {"type": _("All types"), "queue": _("All queues"), "window": _("Any time")}
        return [
            Select(name, spec.title, nothing[name], list(spec.lookup_choices), spec.value() or "")
            for name in nothing
            if (spec := self.choice(name))
        ]

    def choice(self, name: str) -> FixedFilter | None:
        """Give the filter of this parameter, if it has anything to choose."""
        return next((spec for spec in self.filter_specs if spec.parameter_name == name), None)

    @property
    def id_bounds(self) -> tuple[UUID | None, UUID | None]:
        """Ids that the window in time lies between, as far as it has such bounds: the highest and the lowest."""
        until, since = (read_moment(self.params.get(name, "")) for name in ("to", "from"))
        lowest = first_id_since(since) if since else None
        if (window := self.params.get("window")) in WINDOWS:
            lowest = max(filter(None, [lowest, first_uuid7(now() - WINDOWS[window][1])]))
        return (first_id_behind(until) if until else None), lowest

    @property
    def since(self) -> str:
        return _for_input(self.params.get("from"))

    @property
    def until(self) -> str:
        return _for_input(self.params.get("to"))

    @property
    def wrong_moments(self) -> list[str]:
        return [spec.wrong for spec in self.filter_specs if isinstance(spec, MomentFilter) and spec.wrong]

    @property
    def columns(self) -> list[tuple[str, StrOrPromise, bool]]:
        """Every column there is, and whether it is shown."""
        on = job_columns.chosen(self.request)
        return [(name, label, name in on) for name, label in job_columns.ALL.items()]

    @property
    def export_url(self) -> str:
        kept = QueryDict(mutable=True)
        kept.update({name: value for name, value in self.params.items() if name not in NO_FILTERS})
        return f"{reverse('admin:jobs_job_export')}?{kept.urlencode()}"


def without_empty(query: QueryDict) -> QueryDict:
    """Leave out what a form sent without a choice."""
    kept = query.copy()
    for name, values in query.lists():
        if not any(values):
            del kept[name]
    return kept


def _for_input(text: str | None) -> str:
    at = read_moment(text) if text else None
    return f"{localtime(at):%Y-%m-%dT%H:%M}" if at else ""
