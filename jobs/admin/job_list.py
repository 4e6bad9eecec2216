"""The list of jobs: what the box and the filters find together, and what is shown beside it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias, cast

from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import display
from jobs.admin.box import Reading, reading_of
from jobs.admin.filters import FixedFilter
from jobs.admin.job_choices import NO_FILTERS, JobChoices
from jobs.admin.job_keyset import Page, id_of, read_in_windows, read_page
from jobs.admin.job_tabs import Tab, tabs
from jobs.admin.searching import Answer, answered, shown_before
from jobs.models import SavedSearch
from jobs.search.asking import Source
from jobs.search.completing import condition
from jobs.search.language.chips import chips
from jobs.search.language.fields import FACETS
from jobs.search.language.tree import Or
from jobs.search.language.writing import quoted

#: What the rows on the page are looked at for when nobody counted; there are filters for the others.
_ON_PAGE: Final = ("project_name", "hostname", "arch", "tags")
_VALUES: Final = 6
_LABELS: Final = {
    "job_type": gettext_lazy("type"),
    "project_name": gettext_lazy("project"),
    "hostname": gettext_lazy("host"),
    "error_class": gettext_lazy("error"),
    "arch": gettext_lazy("architecture"),
    "tags": gettext_lazy("tags"),
}
#: Of a field, each with how often it was counted, if it was.
Values: TypeAlias = "list[tuple[str, int | None]]"

_NAME: Final = re.compile(r"[\w.]+")


@dataclass(frozen=True, slots=True)
class Link:
    """A word that leads to the list with another query."""

    text: str
    url: str
    #: Of how many jobs it is true; None where that was not counted.
    count: int | None = None


class JobList(JobChoices, ChangeList):
    """Rows come from PostgreSQL; which ones, for a query, perhaps from the engine."""

    reading = Reading("")
    answer: Answer | None = None
    user: Any = None
    may_save = False
    page = Page()

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request, exclude_parameters)
        self.request, self.user, self.reading = request, request.user, reading_of(request)
        self.may_save = cast(Any, self.model_admin).has_act_permission(request)
        if self.reading.tree is None:
            return self.reading.narrow(rows)
        if self.answer is None:
            # Django asks for the rows more than once, and is to get the same ones.
            self.answer = answered(self.reading.tree, self._conditions(), request.user, shown_before(request))
            request._ekiden_answer = self.answer  # type: ignore[attr-defined]
        return self.answer.narrow(rows)

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in NO_FILTERS}

    def get_results(self, request: HttpRequest) -> None:
        before, after = (id_of(request.GET.get(name)) for name in ("before", "after"))
        if self.unindexed:
            highest, lowest = self.id_bounds
            first = min(filter(None, [before, highest]), default=None)
            self.page = read_in_windows(self.queryset, self.list_per_page, first, lowest)
        else:
            self.page = read_page(self.queryset, self.list_per_page, before=before, after=after)
        # Counting what is behind the page would cost more than the page.
        self.result_count, self.full_result_count = len(self.page.rows) + self.has_others, None
        self.show_full_result_count, self.show_admin_actions = False, bool(self.page.rows)
        self.can_show_all = self.multi_page = False
        self.result_list = self.page.rows
        found = self.answer.highlights(self.result_list) if self.answer else {}
        for job in self.result_list:
            job.highlights = found.get(job.pk, [])

    @property
    def tabs(self) -> list[Tab]:
        """The statuses; counted while nothing else narrows the list."""
        return tabs(self, counted=not self.narrowed and not self.query)

    @property
    def has_others(self) -> bool:
        """Whether there are jobs on other pages."""
        return self.page.newer or self.page.older or self.page.left_off is not None

    @property
    def newer_url(self) -> str:
        """The page before this one; nothing on the first, nor where it would have to be searched for."""
        return self._paged(after=self.page.first) if self.page.newer and not self.unindexed else ""

    @property
    def older_url(self) -> str:
        return self._paged(before=self.page.last) if self.page.older else ""

    @property
    def going_on_url(self) -> str:
        """The search for more, from where this page left off."""
        return self._paged(before=self.page.left_off) if self.page.left_off else ""

    @property
    def unindexed(self) -> bool:
        """Whether the jobs that fit have to be searched for among all others."""
        named = any(name in self.params for name in ("type", "queue", "schedule"))
        return named and self.reading.tree is None and self.reading.tag is None and self.reading.ids is None

    @property
    def newest_url(self) -> str:
        return self._paged()

    def _paged(self, **where: Any) -> str:
        url: str = self.get_query_string({"p": None, "before": None, "after": None, **where})
        return url

    @property
    def schedule_chosen(self) -> bool:
        return "schedule" in self.params

    @property
    def without_schedule(self) -> str:
        return self._paged(schedule=None)

    @property
    def live(self) -> bool:
        """Whether the list is cheap enough to be asked for again every few seconds."""
        return self.reading.tree is None

    @property
    def error(self) -> Any:
        """What is wrong with the query, if anything is."""
        return self.reading.error or (self.answer.error if self.answer else None)

    @property
    def around_error(self) -> tuple[str, str, str]:
        """The query before the place of its error, there, and behind."""
        at, text = self.error.position, self.reading.text
        if at is None:
            return text, "", ""
        name = _NAME.match(text, at)
        end = name.end() if name else min(at + 1, len(text))
        return text[:at], text[at:end] or " ", text[end:]

    @property
    def suggestions(self) -> list[Link]:
        """The query with the names that may have been meant."""
        before, _, behind = self.around_error
        if self.error.position is None:
            return [Link(name, "") for name in self.error.suggestions]
        return [Link(name, self._asking(before + name + behind)) for name in self.error.suggestions]

    @property
    def chips(self) -> list[Link]:
        """Every condition of the query, each leading to the query without it."""
        return [Link(chip.label, self._asking(chip.without)) for chip in chips(self.reading.query or "")]

    @property
    def explained(self) -> str:
        """Say who answered, and how the box was read where that is not plain."""
        if self.reading.ids:
            return _("Jobs whose id begins so.")
        if self.reading.tag is not None:
            return _("Jobs with this tag.")
        if self.answer is None:
            return ""
        return " ".join(_words(self.answer))

    @property
    def instead(self) -> list[Link]:
        """Other ways to read what stands in the box."""
        if self.reading.ids is None and self.reading.tag is None:
            return []
        return [Link(_("Look for it in texts instead"), self._asking(quoted(self.reading.text)))]

    @cached_property
    def facets(self) -> list[tuple[str, list[Link]]]:
        """Values that a condition may be added of, by field."""
        if self.error or self.reading.ids:
            return []
        found = dict(self._counted() if self.answer and self.answer.facets else self._on_page())
        return [
            (
                str(_LABELS.get(name, name)),
                [Link(value, self._adding(name, value), count) for value, count in values[:_VALUES]],
            )
            for name, values in ((name, found.get(name, [])) for name in FACETS)
            if values and not self.reading.speaks_of(name)
        ]

    @property
    def as_words(self) -> str:
        """The whole choice as a query, the filters too: what is saved."""
        said = [spec.condition() for spec in self._filters if spec.value() is not None]
        return self._joined([*filter(None, said), *([self.reading.query] if self.reading.query else [])])

    @cached_property
    def saved(self) -> list[SavedSearch]:
        found = SavedSearch.objects.offered_to(self.user).select_related("user").order_by("name", "id")
        return sorted(found[:200], key=lambda search: search.user_id != self.user.pk)

    def _conditions(self) -> list[str]:
        return [words for spec in self._filters if spec.exact and (words := spec.condition())]

    @property
    def _filters(self) -> list[FixedFilter]:
        return cast(list[FixedFilter], self.filter_specs)

    def _counted(self) -> Iterator[tuple[str, Values]]:
        assert self.answer is not None and self.answer.found is not None
        total = self.answer.found.total.value
        for name, counts in self.answer.facets.items():
            # What is true of all of them narrows nothing.
            if any(count < total for count in counts.values()):
                yield name, [*counts.items()]

    def _on_page(self) -> Iterator[tuple[str, Values]]:
        for name in _ON_PAGE:
            cells = [getattr(job, name) for job in self.result_list]
            values = Counter(value for cell in cells for value in (cell if isinstance(cell, list) else [cell]) if value)
            if any(count < len(cells) for count in values.values()):
                yield name, [(value, None) for value, _count in values.most_common()]

    def _adding(self, field: str, value: str) -> str:
        return self._asking(self._joined([self.reading.query or "", condition(field, value)]))

    def _joined(self, texts: list[str]) -> str:
        return " ".join(f"({text})" if text == self.reading.text and self._has_or else text for text in texts if text)

    @property
    def _has_or(self) -> bool:
        return isinstance(self.reading.tree, Or)

    def _asking(self, query: str) -> str:
        return self.get_query_string({"q": query or None, "p": None, "before": None, "after": None})


def _words(answer: Answer) -> Iterator[str]:
    if answer.found is None:
        yield _("Answered by PostgreSQL.")
        return
    engine, late = answer.found.source == Source.ENGINE, (now() - answer.found.as_of).total_seconds()
    said = _("Answered by the search engine, as of {time}.") if engine else _("Answered by PostgreSQL, as of {time}.")
    if late >= 2:
        said = (
            _("Answered by the search engine, as of {time}, {span} ago.")
            if engine
            else _("Answered by PostgreSQL, as of {time}, {span} ago.")
        )
    yield said.format(time=f"{localtime(answer.found.as_of):%H:%M:%S %Z}", span=display.span(late))
    if answer.found.degraded:
        yield _(
            "It stands in for the search engine, which does not answer now: nothing is missing, it only takes longer."
        )
    if answer.cut:
        total = answer.found.total
        words = (
            _("These are the newest {shown} of {total}.")
            if total.exact
            else _("These are the newest {shown} of more than {total}.")
        )
        yield words.format(shown=f"{len(answer.ids or ()):,}", total=f"{total.value:,}")
