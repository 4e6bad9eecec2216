"""The four pages: which figures stand in their tiles, charts and tables."""

from __future__ import annotations

from collections import Counter
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from analytics import answers, figures, reports
from analytics.answers import Answer
from analytics.console.around import example
from analytics.console.cells import Cell, Column, Table, cells, moment_of, tiles
from analytics.console.charts import Chart, Line, Value, chart
from analytics.console.page import Page
from analytics.figures import Named
from analytics.periods import Granularity
from analytics.questions import Question
from jobs.admin.display import moment

EVERYONE: Final = reports.EVERYONE
#: Kinds of errors that have a line of their own.
_MOST_LINES: Final = 4
#: Which column of the kinds of errors is a number.
_ATTEMPTS: Final = 2

_REQUESTS: Final = Column("requests", _("Requests"))
_ERRORS: Final = Column("errors", _("Errors"))
_ERROR_RATE: Final = Column("error_rate", _("Error rate"))
_AVERAGE: Final = Column("avg_duration_ms", _("Average"))
_PERCENTILES: Final = [Column(name, name) for name in ("p50", "p90", "p95", "p99")]
_CACHED: Final = Column("cached", _("Cached"))


def usage(question: Question) -> Page:
    """Show how often functions were asked for."""
    over_time = answers.times(question, EVERYONE, figures.usage)
    by_function = answers.of_use(question, EVERYONE, by_time=False)
    columns = [_REQUESTS, _ERRORS, _ERROR_RATE, _CACHED, _AVERAGE]
    users = Column("active_users", _("Users"))
    lines = _with_before(
        question, [Line(_("Requests"), _value("requests")), Line(_("Errors"), _value("errors"), "bad")]
    )
    return Page(
        by_function,
        [*tiles(by_function.totals, columns), *tiles(by_function.beside, [users])],
        [chart(by_function, over_time, "requests", _("Requests and errors"), "count", lines, filled=True)],
        [_by_time(by_function, over_time, columns), _by_function(by_function, columns)],
    )


def performance(question: Question) -> Page:
    """Show how long functions took."""
    over_time = answers.times(question, EVERYONE, figures.performance)
    by_function = answers.of_functions(question, EVERYONE, figures.performance)
    lines = [
        Line(column.name, _percentile(column.name), tone)
        for column, tone in zip(_PERCENTILES, ("1", "2", "3", "4"), strict=True)
    ]
    ends = [Column("min_duration_ms", _("Shortest")), Column("max_duration_ms", _("Longest"))]
    spent = [Column("memory_usage_mb", _("Memory, MB")), Column("cpu_usage_percent", _("CPU, %"))]
    columns = [_REQUESTS, _AVERAGE, *_PERCENTILES]
    return Page(
        by_function,
        tiles(by_function.totals, [*_PERCENTILES, _AVERAGE, _REQUESTS]),
        [
            chart(
                by_function, over_time, "durations", _("Duration, from the request to the end of the work"), "ms", lines
            )
        ],
        [_by_time(by_function, over_time, columns), _by_function(by_function, [*columns, *ends, *spent])],
    )


def errors(question: Question) -> Page:
    """Show what went wrong."""
    over_time = answers.times(question, EVERYONE, figures.usage)
    groups = answers.of_errors(question, EVERYONE)
    columns = [_ERRORS, _ERROR_RATE, _REQUESTS]
    lines = _with_before(question, [Line(_("Requests that failed"), _value("errors"), "bad")])
    return Page(
        groups,
        tiles(groups.totals, columns),
        [
            chart(groups, over_time, "errors", _("Requests that failed"), "count", lines, filled=True),
            _attempts(groups),
        ],
        [_by_time(groups, over_time, columns), _groups(groups)],
    )


def cache(question: Question) -> Page:
    """Show what the cache of results spared functions."""
    over_time = answers.times(question, EVERYONE, figures.cache)
    by_function = answers.of_cache(question, EVERYONE)
    ratio, hits, misses = (
        Column("cache_hit_ratio", _("Hit ratio")),
        Column("hits", _("Hits")),
        Column("misses", _("Misses")),
    )
    columns = [ratio, hits, misses, Column("avg_hit_ms", _("Time of a hit"))]
    whole = [Column("evictions", _("Evicted")), Column("memory_usage_mb", _("Memory, MB"))]
    lines = [Line(_("Hit ratio"), _value("cache_hit_ratio"))]
    return Page(
        by_function,
        [*tiles(by_function.totals, columns), *tiles(by_function.beside["cache"] or {}, whole)],
        [chart(by_function, over_time, "ratio", _("Requests answered from the cache"), "percent", lines, filled=True)],
        [_by_time(by_function, over_time, columns), _by_function(by_function, columns)],
    )


def _by_time(answer: Answer, over_time: list[Named], columns: list[Column]) -> Table:
    hourly = answer.question.period.granularity is Granularity.HOUR
    through = answer.data_through or answer.question.period.begin
    rows = [
        [Cell(moment_of(row["time"], hourly=hourly)), *cells(row, columns)]
        for row in over_time
        if row["time"] < through
    ]
    first = Column("time", _("Hour, UTC") if hourly else _("Day, UTC"), number=False)
    return Table(_("By hour") if hourly else _("By day"), [first, *columns], rows, folds=True)


def _by_function(answer: Answer, columns: list[Column]) -> Table:
    rows = [[Cell(_function(answer, row["language_title"])), *cells(row, columns)] for row in answer.rows]
    note = (
        _("The {number} most used").format(number=reports.MOST_FUNCTIONS) if len(rows) == reports.MOST_FUNCTIONS else ""
    )
    return Table(_("By function"), [Column("language_title", _("Function"), number=False), *columns], rows, note)


def _groups(answer: Answer) -> Table:
    words = (_("Error"), _("Function"), _("Attempts"), _("Status"), _("First"), _("Last"), _("Example"))
    columns = [Column(f"column{place}", word, number=place == _ATTEMPTS) for place, word in enumerate(words)]
    rows = [_group(answer, row) for row in answer.rows]
    note = (
        _("The {number} most frequent").format(number=reports.MOST_ERRORS)
        if len(rows) == reports.MOST_ERRORS
        else _("Each attempt that failed counts")
    )
    return Table(_("By kind of error"), columns, rows, note)


def _attempts(groups: Answer) -> Chart:
    """Draw the most frequent kinds of errors one by one, and the others together."""
    question = groups.question
    points = reports.error_timeseries(question.period, language_title=question.language_title)
    counted = sum((Counter(point.errors) for point in points), Counter[str]())
    first = [code for code, _times in counted.most_common(_MOST_LINES)]
    rows: list[Named] = [{"time": point.begin, "errors": point.errors} for point in points]
    lines = [Line(code, _of_code(code), str(place)) for place, code in enumerate(first, 1)]
    if len(counted) > len(first):
        lines.append(Line(_("All others"), _of_others(set(first)), "before"))
    return chart(groups, rows, "attempts", _("Failed attempts by kind of error"), "count", lines)


def _group(answer: Answer, row: Named) -> list[Cell]:
    [times] = cells(row, [_ERRORS])
    return [
        Cell(format_html("<strong>{}</strong>", row["error_code"])),
        Cell(_function(answer, row["language_title"])),
        times,
        Cell(row["most_common_status"]),
        Cell(moment(row["first_occurrence"])),
        Cell(moment(row["last_occurrence"])),
        Cell(example(row["example"])),
    ]


def _function(answer: Answer, title: str) -> str:
    """Link to how one function performed in the same time."""
    period = answer.question.period
    query = {"from": period.begin.isoformat(), "to": period.end.isoformat(), "granularity": period.granularity.value}
    address = f"{reverse('analytics:performance')}?{urlencode({**query, 'language_title': title})}"
    return format_html('<a href="{}">{}</a>', address, title)


def _with_before(question: Question, lines: list[Line]) -> list[Line]:
    """Add the first line as it was in the time before, if that is asked for."""
    if not question.compare:
        return lines
    first = lines[0]
    return [*lines, Line(_("The time before"), lambda row: first.value(row["previous"]), "before", dashed=True)]


def _value(name: str) -> Value:
    return lambda row: row[name]


def _of_code(code: str) -> Value:
    return lambda row: row["errors"].get(code, 0)


def _of_others(codes: set[str]) -> Value:
    return lambda row: sum(times for code, times in row["errors"].items() if code not in codes)


def _percentile(name: str) -> Value:
    return lambda row: row["percentiles"][name]
