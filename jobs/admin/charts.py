"""Charts as SVG: drawn by the server, coloured by charts.css, readable without scripts."""

from collections.abc import Iterator, Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

#: One point of a line.
Point = tuple[float, float]


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
        mark_safe(_line(points, width, ground)),
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
