"""How a queue went over an hour, a day or a week."""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise

from jobs.admin import display
from jobs.admin.charts import Frame, Line, area_chart, bar_chart
from jobs.queue_history import Point, histories

RANGES: Final = {"1h": gettext_lazy("1 hour"), "24h": gettext_lazy("24 hours"), "7d": gettext_lazy("7 days")}


def charts(queue: str, asked: str, hour: Sequence[Point]) -> dict[str, Any]:
    """Give the charts of the range that was asked for, and the other ranges to choose; the last hour is known."""
    chosen = asked if asked in RANGES else "1h"
    points = list(hour) if chosen == "1h" else histories([queue], chosen)[queue]
    known = any(point.known for point in points)
    return {"range": chosen, "ranges": RANGES, "charts": _drawn(points) if known else [], "unknown": not known}


def _drawn(points: list[Point]) -> list[tuple[str, SafeString]]:
    depth = _line(_("Waiting"), points, lambda point: float(point.depth), "1")
    ended = [
        _line(_("Completed"), points, lambda point: float(point.completed), "good"),
        _line(_("To be retried"), points, lambda point: float(point.retried), "warn"),
        _line(_("Dead letters"), points, lambda point: float(point.dead), "bad"),
    ]
    waits = [
        _line(_("p50"), points, lambda point: point.wait(0.5), "1"),
        _line(_("p95"), points, lambda point: point.wait(0.95), "3"),
    ]
    oldest = _line(_("Oldest overdue"), points, lambda point: point.oldest, "3")
    count, seconds = (
        _frame(points, lambda value: f"{value:,.0f}", whole=True),
        _frame(points, display.span, seconds=True),
    )
    return [
        (_("Waiting"), area_chart(count(_("Jobs that waited")), [depth])),
        (_("Ended attempts"), bar_chart(count(_("Attempts by how they ended")), ended)),
        (_("Wait before the start"), area_chart(seconds(_("How long jobs were due before they began")), waits)),
        (_("Oldest overdue"), area_chart(seconds(_("How long the oldest job was overdue")), [oldest])),
    ]


def _line(label: StrOrPromise, points: list[Point], value: Any, tone: str) -> Line:
    return Line(label, [value(point) if point.known else None for point in points], tone)


def _frame(points: list[Point], say: Any, **how: Any) -> Any:
    at, minutes = [point.at for point in points], points[0].minutes
    return lambda label: Frame(label, at, minutes, say, **how)
