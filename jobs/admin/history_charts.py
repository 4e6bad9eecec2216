"""The history of queues as charts: throughput, failures, latency and backlog, each with its figure beside the title."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from jobs.admin.charts import Frame, Line, area_chart, bar_chart
from jobs.admin.display import span
from jobs.queue_history import History, Point
from jobs.queues import DEPTH_CAP

_TONES: Final = ("1", "2", "3", "4", "5")


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart with its title; `figure` is what it comes to, "" where there is nothing to tell."""

    name: str
    title: StrOrPromise
    figure: str
    chart: SafeString
    #: What the figures are.
    note: StrOrPromise = ""


def panels(history: History, backlog: Mapping[str, Sequence[int]]) -> list[Panel]:
    """Draw the four charts; `backlog` has the depth of each queue by slot, and of the others under "".

    For one queue it is {its name: its depths}.
    """
    return [throughput(history), failures(history), latency(history), depth(history, backlog)]


def throughput(history: History) -> Panel:
    """Draw how many attempts ended each minute, by what they ended in."""
    points, whole = history.points, history.whole
    lines = [
        Line(_("completed"), _rates(points, lambda point: point.completed), "good"),
        Line(_("to be tried again"), _rates(points, lambda point: point.retried), "warn"),
        Line(_("dead letters"), _rates(points, lambda point: point.dead), "bad"),
    ]
    mean = whole.per_minute(whole.completed)
    figure = _("{number} a minute").format(number=rate(mean)) if mean else ""
    label = _("Throughput: attempts that ended, a minute. {figure}").format(figure=figure)
    frame = _frame(history, label, rate)
    return Panel("throughput", _("Throughput"), figure, bar_chart(frame, lines), _("attempts ended a minute"))


def failures(history: History) -> Panel:
    """Draw which part of the attempts failed."""
    rates = [point.failure_rate if point.failure_rate is not None else (0.0 if point.known else None)
             for point in history.points]  # fmt: skip
    mean = history.whole.failure_rate
    figure = percent(mean) if mean is not None else ""
    label = _("Failure rate: the part of the attempts that failed. {figure}").format(figure=figure)
    frame = _frame(history, label, percent, least=0.04)
    chart = area_chart(frame, [Line(_("failed"), rates, "bad")])
    return Panel("failures", _("Failure rate"), figure, chart, _("attempts that failed"))


def latency(history: History) -> Panel:
    """Draw how long jobs were due before they were begun."""
    lines = [
        Line("p95", [point.wait(0.95) for point in history.points], "2"),
        Line("p50", [point.wait(0.5) for point in history.points], "1"),
    ]
    p95 = history.whole.wait(0.95)
    figure = f"p95 {span(p95)}" if p95 is not None else ""
    label = _("Queue latency: how long jobs were due before they were begun. {figure}").format(figure=figure)
    chart = area_chart(_frame(history, label, span, seconds=True), lines)
    return Panel("latency", _("Queue latency"), figure, chart, _("from due to begun"))


def depth(history: History, backlog: Mapping[str, Sequence[int]]) -> Panel:
    """Draw how many jobs waited, by queue, those with the most at the bottom."""
    known = [point.known for point in history.points]
    named = [name for name in backlog if name]
    lines = [
        Line(name or _("other queues"), _where(known, backlog[name]), tone)
        for name, tone in [*zip(named, _TONES, strict=False), *((name, "rest") for name in backlog if not name)]
    ]
    most = history.whole.depth
    figure = _("at most {number}").format(number=count(most)) if most else ""
    label = _("Backlog: jobs that waited, by queue. {figure}").format(figure=figure)
    chart = area_chart(_frame(history, label, count, whole=True), lines or [_nothing(known)], stacked=True)
    return Panel("backlog", _("Backlog"), figure, chart, _("pending jobs by queue"))


def rate(value: float | None) -> str:
    """Write a rate with as many figures as it has to tell."""
    if value is None:
        return "–"
    return _figure(value, 0 if value >= 20 or value == int(value) else 1 if value >= 1 else 2)


def percent(value: float) -> str:
    figures = value * 100
    return f"{_figure(figures, 0 if figures >= 10 or figures == int(figures) else 1)} %"


def count(value: float) -> str:
    """Write a depth; beyond the cap nobody has counted."""
    for least, size, unit in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= least and value != DEPTH_CAP:
            return f"{_figure(value / size, 0 if value % size == 0 else 1)} {unit}"
    return _figure(value, 0) + ("+" if value == DEPTH_CAP else "")


def _figure(value: float, digits: int) -> str:
    # Django's own cuts what it should round.
    return number_format(round(value, digits), decimal_pos=digits, force_grouping=True)


def table(history: History) -> list[dict[str, Any]]:
    """Give the numbers behind the charts, the latest first."""
    return [
        {
            "point": point,
            "rate": percent(point.failure_rate) if point.failure_rate is not None else "–",
            "p50": span(point.wait(0.5)) or "–",
            "p95": span(point.wait(0.95)) or "–",
            "oldest": span(point.oldest) if point.oldest >= 1 else "–",
        }
        for point in reversed(history.points)
        if point.known
    ]


def _frame(history: History, label: str, say: Callable[[float], str], **more: Any) -> Frame:
    points = history.points
    known = [point.known for point in points]
    return Frame(label, [point.at for point in points], points[0].minutes, say, known=known, **more)


def _rates(points: Iterable[Point], of: Callable[[Point], int]) -> list[float | None]:
    return [point.per_minute(of(point)) if point.known else None for point in points]


def _where(known: Sequence[bool], values: Sequence[int]) -> list[float | None]:
    return [float(value) if there else None for there, value in zip(known, values, strict=True)]


def _nothing(known: Sequence[bool]) -> Line:
    return Line(_("all queues"), [0.0 if there else None for there in known])
