"""Charts as SVG: drawn by the server, coloured by charts.css, readable without scripts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from jobs.admin.axes import feet, scale

#: One point of a line.
Point = tuple[float, float]

#: Inside a wide chart: a slot is one wide, and it is so high. What is drawn is stretched, what is written is not.
_HEIGHT: Final = 100.0


def sparkline(
    values: Sequence[float | None], label: str, *, tone: str = "1", width: int = 120, height: int = 24
) -> SafeString:
    """Draw how a number went, as small as a word; where it is None, nothing was measured and the line breaks.

    The label is its name for those who do not see it, and what hovering says: say the figure in it ("12 in 24 h"). The
    scale begins at nought. Tones are 1 to 5, good, warn, bad and rest, and the page links charts.css.
    """
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    step = (width - 4) / max(1, len(values) - 1)
    ground = height - 2
    points = [
        None if value is None else (2 + place * step, ground - value / top * (height - 4))
        for place, value in enumerate(values)
    ]
    return format_html(
        '<svg class="sparkline tone-{}" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}">'
        "<title>{}</title>{}</svg>",
        *(tone, label, width, height, width, height, label),
        # Numbers of our own, written by the hundred: escaping each would take longer than drawing.
        SafeString(_line(points, width, ground)),
    )


def _line(points: Sequence[Point | None], width: int, ground: float) -> str:
    parts = [f'<line class="ground" x1="0" x2="{width}" y1="{ground}" y2="{ground}"/>']
    for run in runs(points):
        path = " ".join(f"{x:.1f} {y:.1f}" for x, y in run)
        if len(run) > 1:
            parts.append(f'<path class="area" d="M{run[0][0]:.1f} {ground} L{path} L{run[-1][0]:.1f} {ground}Z"/>')
        parts.append(f'<path class="line" d="M{path}{"" if len(run) > 1 else " h0.1"}"/>')
    if points and (last := points[-1]) is not None:
        parts.append(f'<circle class="dot" cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2"/>')
    return "".join(parts)


def runs(points: Sequence[Point | None]) -> Iterator[list[Point]]:
    """Give the stretches without a gap."""
    run: list[Point] = []
    for point in points:
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


@dataclass(frozen=True, slots=True)
class Line:
    """One series: a value for each slot, None where nobody knows."""

    label: StrOrPromise
    values: Sequence[float | None]
    tone: str = "1"


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chart stands in: its slots of time, and how its values are said."""

    #: What it shows, for those who do not see it.
    label: StrOrPromise
    #: The begin of each slot.
    at: Sequence[datetime]
    minutes: int
    say: Callable[[float], str]
    #: Whether values are seconds, with minutes and hours for round numbers.
    seconds: bool = False
    #: Whether there are no halves of what is counted.
    whole: bool = False
    #: The scale goes so far at least.
    least: float = 0.0
    #: Whether somebody looked in each slot; without it, where there are values.
    known: Sequence[bool] = ()


def area_chart(frame: Frame, lines: Sequence[Line], *, stacked: bool = False) -> SafeString:
    """Draw lines with what is below them filled, on top of each other if they are `stacked`.

    Hovering tells the values of a slot. The page links charts.css, and has the numbers in a table somewhere.
    """
    tops = _stacked(lines) if stacked else [list(line.values) for line in lines]
    grid = scale(max(_highest(tops), frame.least), seconds=frame.seconds, whole=frame.whole)
    parts, below = [], None
    for line, row in zip(lines, tops, strict=True):
        points = [_point(slot, value, grid[-1]) for slot, value in enumerate(row)]
        # On top of others nothing is no line.
        there = [point if value or not stacked else None for point, value in zip(points, line.values, strict=True)]
        parts.append(f'<g class="tone-{line.tone}">{_filled(points, below)}{_stroke(there)}</g>')
        below = points if stacked else None
    return _drawn(frame, lines, grid, "".join(parts), "areas stacked" if stacked else "areas")


def bar_chart(frame: Frame, lines: Sequence[Line]) -> SafeString:
    """Draw a bar for each slot, with the values of all lines on top of each other."""
    tops = _stacked(lines)
    grid = scale(max(_highest(tops), frame.least), seconds=frame.seconds, whole=frame.whole)
    parts, grounds = [], [0.0] * len(frame.at)
    for line, row in zip(lines, tops, strict=True):
        path = []
        for slot, top in enumerate(row):
            if top is not None and top > grounds[slot]:
                low, up = (_HEIGHT * (1 - each / grid[-1]) for each in (grounds[slot], top))
                path.append(f"M{slot + 0.12:.2f} {low:.2f}V{up:.2f}h.76V{low:.2f}Z")
                grounds[slot] = top
        parts.append(f'<path class="bars tone-{line.tone}" d="{"".join(path)}"/>' if path else "")
    return _drawn(frame, lines, grid, "".join(parts), "of-bars")


def _drawn(frame: Frame, lines: Sequence[Line], grid: Sequence[float], inside: str, kind: str) -> SafeString:
    ruled = "".join(f'<path class="rule" d="M0 {_up(value, grid)}H{len(frame.at)}"/>' for value in grid[1:])
    marks = format_html_join(
        "",
        '<text x="{}%" y="158">{}</text>',
        # At the very ends they would stick out.
        ((f"{100 * x:.2f}", words) for x, words in feet(frame.at, frame.minutes) if 0.03 <= x <= 0.975),
    )
    return format_html(
        '<div class="drawn {}"><ul class="sides" aria-hidden="true">{}</ul>'
        '<svg class="canvas" role="img" aria-label="{}" width="100%" height="164">'
        '<svg class="plot" y="6" width="100%" height="134" viewBox="0 0 {} 100" preserveAspectRatio="none">'
        '{}{}{}<path class="ground" d="M0 100H{}"/>{}</svg>{}</svg>{}</div>',
        kind,
        format_html_join("", "<li>{}</li>", ((frame.say(value),) for value in reversed(grid))),
        frame.label,
        len(frame.at),
        SafeString(_unknown(frame.known or _measured(lines))),
        SafeString(ruled),
        SafeString(inside),
        len(frame.at),
        SafeString(_slots(frame, lines)),
        marks,
        legend(lines) if len(lines) > 1 else "",
    )


def legend(lines: Sequence[Line]) -> SafeString:
    """Say which colour is which."""
    entries = ((line.tone, line.label) for line in lines)
    return format_html('<ul class="legend">{}</ul>', format_html_join("", '<li class="tone-{}">{}</li>', entries))


def _slots(frame: Frame, lines: Sequence[Line]) -> str:
    """Write what hovering over each slot says."""
    parts = []
    for slot, at in enumerate(frame.at):
        told = [(line.label, line.values[slot]) for line in lines]
        words = "\n".join(f"{label}: {frame.say(value)}" for label, value in told if value is not None)
        title = f"{localtime(at):%Y-%m-%d %H:%M}\n{words or _('Nobody looked, or there was nothing.')}"
        parts.append(f'<g class="slot"><rect x="{slot}" width="1" height="100"/><title>{escape(title)}</title></g>')
    return "".join(parts)


def _measured(lines: Sequence[Line]) -> list[bool]:
    slots = zip(*(line.values for line in lines), strict=True)
    return [any(value is not None for value in values) for values in slots]


def _unknown(known: Sequence[bool]) -> str:
    """Shade the times in which nobody looked, behind one in which somebody did."""
    begin = next((slot for slot, there in enumerate(known) if there), len(known))
    return "".join(
        f'<rect class="unknown" x="{slot}" width="1" height="100"/>'
        for slot, there in enumerate(known)
        if not there and slot > begin
    )


def _stacked(lines: Sequence[Line]) -> list[list[float | None]]:
    """Add to each line what lies below it."""
    rows: list[list[float | None]] = []
    below: list[float] = [0.0] * (len(lines[0].values) if lines else 0)
    for line in lines:
        rows.append([None if value is None else below[slot] + value for slot, value in enumerate(line.values)])
        below = [under + (value or 0.0) for under, value in zip(below, line.values, strict=True)]
    return rows


def _highest(rows: Sequence[Sequence[float | None]]) -> float:
    return max((value for row in rows for value in row if value is not None), default=0.0)


def _point(slot: int, value: float | None, high: float) -> Point | None:
    return None if value is None else (slot + 0.5, _HEIGHT * (1 - value / high))


def _up(value: float, grid: Sequence[float]) -> str:
    return f"{_HEIGHT * (1 - value / grid[-1]):.2f}"


def _filled(points: Sequence[Point | None], below: Sequence[Point | None] | None) -> str:
    """Fill what is between a line and the one below it, or the ground."""
    paths = []
    for run in runs(points):
        if len(run) > 1:
            first = int(run[0][0])
            under = below[first : first + len(run)] if below else [(run[-1][0], _HEIGHT), (run[0][0], _HEIGHT)]
            foot = [point for point in (reversed(under) if below else under) if point is not None]
            paths.append(f"M{_path(run)}L{_path(foot)}Z")
    return f'<path class="area" d="{"".join(paths)}"/>'


def _stroke(points: Sequence[Point | None]) -> str:
    paths = (f"M{_path(run)}{'' if len(run) > 1 else 'h.01'}" for run in runs(points))
    return f'<path class="line" d="{"".join(paths)}"/>'


def _path(run: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f} {y:.2f}" for x, y in run)
