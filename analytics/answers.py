"""Answers to questions about the use of functions, in the form that the API sends and the admin shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final

from analytics import figures, reports
from analytics.figures import Kind, Named
from analytics.periods import Period
from analytics.questions import Question
from analytics.reports import Figures

_NOTHING: Final = Figures()
_ERROR: Final = [each.name for each in fields(reports.ErrorGroup)]


@dataclass(frozen=True, slots=True)
class Answer:
    question: Question
    #: None before the first roll-up.
    data_through: datetime | None
    totals: Named
    rows: list[Named]
    #: The names that each row has, for tables without rows.
    shape: Named
    #: What it tells beside rows.
    beside: Named = field(default_factory=dict)

    def body(self) -> Named:
        """Give the answer as the API sends it."""
        period = self.question.period
        compared = {"previous": _window(period.previous())} if self.question.compare else {}
        head = {"data_through": self.data_through, **_window(period), "granularity": period.granularity.value}
        return {**head, **compared, "totals": self.totals, **self.beside, "data": self.rows}


def of_use(question: Question, user_id: str, *, by_time: bool) -> Answer:
    """Give the use of functions, or of functions by hour or day, and by how many users."""
    told = (of_slots if by_time else of_functions)(question, user_id, figures.usage)
    if user_id != reports.EVERYONE:
        return told
    users = reports.active_users(question.period, language_title=question.language_title)
    return replace(told, beside={"active_users": users})


def of_cache(question: Question, user_id: str) -> Answer:
    """Give what the cache of results spared functions, and how the cache as a whole is doing."""
    told = of_functions(question, user_id, figures.cache)
    if user_id != reports.EVERYONE:
        return told
    state = reports.cache_state(question.period)
    return replace(told, beside={"cache": asdict(state) if state else None})


def of_functions(question: Question, user_id: str, kind: Kind) -> Answer:
    """Give each function over the whole period, busiest first, and all of them together."""

    def read(period: Period) -> Mapping[str, Figures]:
        found = reports.performance(
            period, _wanted(question, kind), user_id=user_id, language_title=question.language_title
        )
        return {each.language_title: each.figures for each in found}

    now, before = read(question.period), read(question.period.previous()) if question.compare else {}
    rows = [{"language_title": title, **_told(question, kind, each, before.get(title))} for title, each in now.items()]
    return _answer(question, user_id, kind, rows, {"language_title": None, **_told(question, kind, _NOTHING, None)})


def of_slots(question: Question, user_id: str, kind: Kind) -> Answer:
    """Give each function's hours or days in which it was called, in the order of time."""

    def read(period: Period) -> Mapping[tuple[datetime, str], Figures]:
        found = reports.usage(period, user_id=user_id, language_title=question.language_title)
        return {(each.begin, each.language_title): each.figures for each in found}

    now, before = read(question.period), read(question.period.previous()) if question.compare else {}
    length = question.period.length
    rows = [
        {"time": at, "language_title": title, **_told(question, kind, each, before.get((at - length, title)))}
        for (at, title), each in now.items()
    ]
    return _answer(
        question, user_id, kind, rows, {"time": None, "language_title": None, **_told(question, kind, _NOTHING, None)}
    )


def of_times(question: Question, user_id: str, kind: Kind) -> Answer:
    """Give every hour or day of the period, all functions together or the one that is asked about."""
    shape = {"time": None, **_told(question, kind, _NOTHING, None)}
    return _answer(question, user_id, kind, times(question, user_id, kind), shape)


def times(question: Question, user_id: str, kind: Kind) -> list[Named]:
    """Give the rows of every hour or day alone."""

    def read(period: Period) -> list[Figures]:
        wanted = _wanted(question, kind)
        found = reports.timeseries(period, wanted, user_id=user_id, language_title=question.language_title)
        return [each.figures for each in found]

    now = read(question.period)
    before = read(question.period.previous()) if question.compare else [None] * len(now)
    return [
        {"time": at, **_told(question, kind, each, was)}
        for at, each, was in zip(question.period.slots(), now, before, strict=True)
    ]


def of_errors(question: Question, user_id: str) -> Answer:
    """Give the kinds of errors of each function, most frequent first: one for each failed attempt."""

    def read(period: Period) -> list[reports.ErrorGroup]:
        return reports.errors(period, user_id=user_id, language_title=question.language_title)

    now, before = read(question.period), read(question.period.previous()) if question.compare else []
    were = {(group.language_title, group.error_code): group.errors for group in before}
    rows = []
    for group in now:
        row = asdict(group)
        if question.compare:
            was = {"errors": were.get((group.language_title, group.error_code), 0)}
            row |= {"previous": was, "change": figures.change({"errors": group.errors}, was)}
        rows.append(row)
    compared = {"previous": {"errors": None}, "change": {"errors": None}} if question.compare else {}
    return _answer(question, user_id, figures.usage, rows, {**dict.fromkeys(_ERROR), **compared})


def _answer(question: Question, user_id: str, kind: Kind, rows: list[Named], shape: Named) -> Answer:
    def read(period: Period) -> Figures:
        return reports.total(period, _wanted(question, kind), user_id=user_id, language_title=question.language_title)

    before = read(question.period.previous()) if question.compare else None
    totals = _told(question, kind, read(question.period), before)
    return Answer(question, reports.data_through(), totals, rows, shape)


def _told(question: Question, kind: Kind, now: Figures, before: Figures | None) -> Named:
    told = kind(now, question.percentiles)
    if not question.compare:
        return told
    was = kind(before or _NOTHING, question.percentiles)
    return {**told, "previous": was, "change": figures.change(told, was)}


def _wanted(question: Question, kind: Kind) -> tuple[float, ...]:
    """Percentiles cost more than sums, so only those who tell them read them."""
    return question.percentiles if kind in (figures.performance, figures.everything) else ()


def _window(period: Period) -> dict[str, Any]:
    return {"from": period.begin, "to": period.end}
